/* The list: as many rows as there is room for are in the page, however many there are. */

const MARGIN = 8; // rows drawn beyond what is seen, either way

const COLUMNS = [
  { key: "path", title: "File" },
  { key: "result", title: "Result" },
  { key: "probability", title: "P" },
  { key: "zone", title: "Zone" },
  { key: "reason", title: "Reason and remarks" },
  { key: "modified", title: "File dated (UTC)" },
  { key: "assessed", title: "Assessed (UTC)" },
  { key: "verdict", title: "Verdict" },
];

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/* A path that may break after each of its folders: not every engine breaks there by itself. */
function breakable(path) {
  return path.split("/").flatMap((part, index) => (index ? ["/", element("wbr"), part] : [part]));
}

/* A path whose folder takes a line at most, so that the file's own name is seen. */
function folderFirst(path) {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const folder = path.slice(0, path.length - file.length);
  return [...(folder ? [element("span", { className: "folder", textContent: shown(folder) })] : []), shown(file)];
}

/* How far a film's heat map was tested, as a badge; nothing for a film without one. */
function mark(row) {
  const found = markOf(row);
  return found ? [element("span", { className: "mark " + facts.marks[pictureKey(row)], textContent: found.title, title: found.meaning })] : [];
}

/* Make the list within its frame.
   frame: the element that scrolls; open: called with a position; sort: called with a column. */
function makeList(frame, { open, sort }) {
  const table = frame.querySelector("table");
  const head = table.tHead.rows[0];
  const body = table.tBodies[0];
  let order = [];
  let selected = -1; // the row whose film is open
  let place = 0; // the row that the keyboard goes to
  let asked = false;

  for (const column of COLUMNS) {
    const button = element("button", { type: "button", className: "sort", textContent: column.title });
    button.addEventListener("click", () => sort(column.key));
    head.append(element("th", { scope: "col", className: "c-" + column.key }, button));
  }

  const rowHeight = () => parseFloat(getComputedStyle(frame).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize);

  function spacer(height) {
    const row = element("tr", { className: "spacer" });
    row.setAttribute("aria-hidden", "true");
    row.style.height = height + "px";
    return row;
  }

  function draw() {
    asked = false;
    const height = rowHeight();
    const first = Math.max(0, Math.floor(frame.scrollTop / height) - MARGIN);
    const last = Math.min(order.length, Math.ceil((frame.scrollTop + frame.clientHeight) / height) + MARGIN);
    const focused = body.contains(document.activeElement);
    const drawn = [];
    for (let position = first; position < last; position += 1) drawn.push(line(position));
    body.replaceChildren(spacer(first * height), ...drawn, spacer((order.length - last) * height));
    table.setAttribute("aria-rowcount", String(order.length + 1));
    if (focused) focusPlace();
  }

  function focusPlace() {
    (body.querySelector('.open[tabindex="0"]') || frame).focus({ preventScroll: true });
  }

  function line(position) {
    const row = rows[order[position]];
    const name = element("button", { type: "button", className: "open", tabIndex: position === place ? 0 : -1 });
    name.append(element("span", { className: "clamp" }, ...folderFirst(row[at.path])));
    name.addEventListener("click", () => open(position));
    const reason = (row[at.gone] ? "no longer in the folder; " : "") + shown(reasonText(row));
    const cells = {
      path: element("span", {}, name, element("span", { className: "reason-here", textContent: [markOf(row)?.short, reason].filter(Boolean).join("; ") })),
      result: element("span", {}, badge(row), element("span", { className: "said-here", textContent: verdictOf(row) })),
      probability: probabilityText(row[at.probability]),
      zone: row[at.zone],
      reason: element("span", {}, ...mark(row), element("span", { className: "clamp", textContent: reason })),
      modified: when(row[at.modified]),
      assessed: when(row[at.assessed_at]),
      verdict: verdictOf(row) || "",
    };
    const made = element("tr", { className: position === selected ? "selected" : "" });
    made.setAttribute("aria-rowindex", String(position + 2));
    if (position === selected) made.setAttribute("aria-current", "true");
    for (const { key } of COLUMNS) {
      const cell = element(key === "path" ? "th" : "td", { className: "c-" + key });
      if (key === "path") cell.scope = "row";
      cell.append(cells[key]);
      made.append(cell);
    }
    made.addEventListener("click", (event) => {
      if (!event.target.closest("button")) open(position);
    });
    return made;
  }

  function badge(row) {
    const section = row[at.label] === facts.positive ? "positive" : sectionOf(row).id;
    return element("span", { className: "badge " + section, textContent: shown(resultText(row)) });
  }

  function ask() {
    if (!asked) requestAnimationFrame(draw);
    asked = true;
  }

  /* Bring a row into sight, without moving the page. */
  function reveal(position) {
    const height = rowHeight();
    const top = position * height;
    const room = frame.clientHeight - table.tHead.offsetHeight - height;
    if (top < frame.scrollTop) frame.scrollTop = top;
    else if (top > frame.scrollTop + room) frame.scrollTop = top - room;
  }

  frame.addEventListener("scroll", ask, { passive: true });
  new ResizeObserver(ask).observe(frame);

  return {
    show(newOrder, sortedBy) {
      order = newOrder;
      place = Math.min(place, Math.max(0, order.length - 1));
      head.querySelectorAll("th").forEach((cell, index) => {
        const here = COLUMNS[index].key === sortedBy.key;
        if (here) cell.setAttribute("aria-sort", sortedBy.falling ? "descending" : "ascending");
        else cell.removeAttribute("aria-sort");
      });
      ask();
    },
    select(position, { focus = false } = {}) {
      selected = position;
      if (position >= 0) {
        place = position;
        reveal(position);
      }
      draw();
      if (focus) focusPlace();
    },
    top() {
      frame.scrollTop = 0;
    },
    redraw: ask,
  };
}
