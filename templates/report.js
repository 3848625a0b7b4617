/* The page: filters, list, film and verdicts put together; the address keeps what is shown. */

const byId = (id) => document.getElementById(id);
const form = byId("filters");
const pane = byId("film");
const narrow = matchMedia("(max-width: 63.99rem)");
const view = { order: [], open: -1, sort: { key: "urgency", falling: false } };

const list = makeList(byId("list"), { open: (position) => openFilm(position), sort: sortBy });
const film = makeFilm(pane);
const say = (text) => (byId("said").textContent = text);
const openRow = () => (view.open < 0 ? null : rows[view.order[view.open]]);

/* --- what is shown -------------------------------------------------------------------------- */

function filterNow() {
  return Object.fromEntries(Object.keys(FILTERS).map((name) => [name, form.elements[name].value.trim()]));
}

function refresh({ keepPlace = false } = {}) {
  const filter = filterNow();
  const row = openRow();
  view.order = orderOf(filter, view.sort);
  showCounts(filter);
  list.show(view.order, view.sort);
  if (!keepPlace) list.top();
  view.open = row ? view.order.indexOf(rows.indexOf(row)) : -1;
  if (row && view.open < 0) closeFilm();
  else list.select(view.open);
  keepAddress();
}

function showCounts(filter) {
  const { counts, all } = countsOf(filter);
  byId("sections").querySelectorAll("button").forEach((button, index) => {
    const id = button.value;
    button.querySelector("span").textContent = String(index ? counts[index - 1] : all);
    button.setAttribute("aria-pressed", String(filter.section === id));
  });
  const set = testsOf(filter).length;
  byId("shown").textContent = `${view.order.length} of ${rows.length} films shown` + (set ? `, ${set} filter${set > 1 ? "s" : ""} set` : "");
  byId("nothing").hidden = view.order.length > 0;
  showRead();
}

/* A verdict changes this alone: the list and its counts stay as they are until a filter is set anew,
   so that no film vanishes under the hands of whoever is reading it. */
function showRead() {
  byId("read").textContent = `${rows.filter((row) => verdictOf(row)).length} read`;
}

function sortBy(key) {
  const falling = view.sort.key === key ? !view.sort.falling : key === "probability";
  view.sort = { key, falling };
  form.elements.sort.value = key;
  refresh();
}

/* --- the address keeps filter, order and film ----------------------------------------------- */

let addressDue = 0;

/* A little later: browsers refuse to change an address many times a second. */
function keepAddress() {
  clearTimeout(addressDue);
  addressDue = setTimeout(writeAddress, 150);
}

function writeAddress() {
  const kept = Object.entries(filterNow()).filter(([, value]) => value);
  if (view.sort.key !== "urgency") kept.push(["sort", (view.sort.falling ? "-" : "") + view.sort.key]);
  if (openRow()) kept.push(["film", openRow()[at.path]]);
  const fragment = new URLSearchParams(kept).toString();
  if (fragment !== location.hash.slice(1)) history.replaceState(null, "", "#" + fragment);
}

function followAddress() {
  clearTimeout(addressDue);
  const kept = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  for (const name of Object.keys(FILTERS)) setField(form.elements[name], kept.get(name) || "");
  const sort = kept.get("sort") || "urgency";
  const key = sort.replace(/^-/, "");
  view.sort = { key: key in SORT_KEYS ? key : "urgency", falling: sort.startsWith("-") };
  form.elements.sort.value = view.sort.key;
  const folded = form.querySelector("details"); // a filter that is set is seen
  folded.open ||= [...folded.querySelectorAll("input, select")].some((field) => field.value);
  view.open = -1;
  const wanted = kept.get("film");
  view.order = orderOf(filterNow(), view.sort);
  const position = wanted === null ? -1 : view.order.findIndex((index) => rows[index][at.path] === wanted);
  refresh();
  if (position >= 0) openFilm(position, { focus: false });
  else closeFilm();
}

/* A value that no film of this page has is still a filter: nothing is shown then. */
function setField(field, value) {
  if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) {
    field.append(element("option", { value, textContent: shown(value) }));
  }
  field.value = value;
}

/* --- one film ------------------------------------------------------------------------------- */

function openFilm(position, { focus = true } = {}) {
  if (position < 0 || position >= view.order.length) return;
  const opened = pane.hidden;
  view.open = position;
  pane.hidden = false;
  document.body.classList.add("reading");
  film.show(openRow(), `${position + 1} of ${view.order.length}`);
  showVerdict();
  list.select(position);
  cover();
  if (opened && focus && narrow.matches) byId("film-title").focus();
  else if (opened && focus) document.querySelector(".desk").scrollIntoView();
  if (focus) say(`${shown(openRow()[at.path])}: ${resultText(openRow())} ${probabilityText(openRow()[at.probability])}`);
  keepAddress();
}

function closeFilm() {
  const wasOpen = !pane.hidden;
  view.open = -1;
  pane.hidden = true;
  document.body.classList.remove("reading");
  cover();
  list.select(-1, { focus: wasOpen });
  keepAddress();
}

/* On a small screen the film covers the page: what lies behind can be neither reached nor heard. */
function cover() {
  const covered = narrow.matches && !pane.hidden;
  for (const other of document.querySelectorAll("[data-behind]")) other.inert = covered;
  document.body.classList.toggle("covered", covered);
}

/* --- print: the rows of the filter as a plain table, and what was said ---------------------- */

const PRINTED = 500;

function fillPrint() {
  const said = openRow() ? saidText(openRow()) : "";
  byId("film-said").hidden = !said;
  byId("film-said").textContent = `Verdict: ${shown(said)}`;
  const printed = view.order.slice(0, PRINTED).map((index) => {
    const row = rows[index];
    const texts = [resultText(row), probabilityText(row[at.probability]), row[at.zone], reasonText(row), saidText(row)];
    const name = element("th", { scope: "row" }, ...breakable(shown(row[at.path])));
    return element("tr", {}, name, ...texts.map((text) => element("td", { textContent: shown(text) })));
  });
  const plain = byId("plain");
  plain.querySelector("tbody").replaceChildren(...printed);
  const filter = Object.entries(filterNow()).filter(([, value]) => value).map((pair) => pair.join(" "));
  plain.querySelector("caption").textContent = `${printed.length} of ${rows.length} films` + (filter.length ? `; ${filter.join(", ")}` : ", the most urgent first");
}

/* --- beginning ------------------------------------------------------------------------------ */

function fillChoices() {
  const valuesOf = (field) => [...new Set(rows.map((row) => row[at[field]]).filter(Boolean))].sort();
  const offer = (name, values, inWords) => form.elements[name].append(...values.map((value) => element("option", { value, textContent: inWords(value) })));
  offer("status", valuesOf("status"), (value) => words.statuses[value]);
  offer("zone", valuesOf("zone"), (value) => value);
  offer("label", valuesOf("label"), shown);
  offer("reason", valuesOf("reason"), (value) => words.reasons[value] || value);
  const folders = [...new Set(rows.map((row) => folderOf(row[at.path])).filter(Boolean))].sort();
  byId("folders").append(...folders.slice(0, 1000).map((value) => element("option", { value })));
}

function listen() {
  let waiting = 0;
  form.addEventListener("input", (event) => {
    if (event.target.name === "sort") return;
    clearTimeout(waiting);
    waiting = setTimeout(refresh, rows.length > 5000 ? 120 : 0);
  });
  form.elements.sort.addEventListener("change", () => {
    const key = form.elements.sort.value;
    view.sort = { key, falling: key === "probability" };
    refresh();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { setField(form.elements.section, ""); refresh(); }));
  byId("sections").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    setField(form.elements.section, button.value);
    refresh();
  });
  for (const link of document.querySelectorAll("nav a")) {
    link.addEventListener("click", (event) => { // the address belongs to the filter
      event.preventDefault();
      const section = document.querySelector(link.getAttribute("href"));
      section.tabIndex = -1; // so that the keyboard goes on from there
      section.focus();
      section.scrollIntoView();
    });
  }
  for (const button of pane.querySelectorAll("[data-verdict]")) button.addEventListener("click", () => giveVerdict(button.dataset.verdict));
  const moves = { next: () => step(1), previous: () => step(-1), close: closeFilm };
  for (const [name, action] of Object.entries(moves)) pane.querySelector(`[data-part="${name}"]`).addEventListener("click", action);
  byId("note").addEventListener("input", () => judge({ note: byId("note").value }));
  byId("reader").addEventListener("change", sign);
  byId("keys-show").addEventListener("click", () => byId("keys").showModal());
  byId("keys-close").addEventListener("click", () => byId("keys").close());
  byId("export-csv").addEventListener("click", () => download("verdicts.csv", "text/csv", verdictsCsv()));
  byId("export-json").addEventListener("click", () => download("verdicts.json", "application/json", verdictsJson()));
  byId("import").addEventListener("change", takeIn);
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", followAddress);
  window.addEventListener("beforeprint", fillPrint);
  window.addEventListener("storage", onStorage);
  narrow.addEventListener("change", cover);
}

function localDates() {
  for (const time of document.querySelectorAll("time")) {
    if (dateFormat) time.textContent = when(Date.parse(time.dateTime) / 1000);
  }
}

document.documentElement.classList.add("scripted");
loadVerdicts();
keepReader();
byId("not-kept").hidden = keeps;
fillChoices();
localDates();
listen();
followAddress();
