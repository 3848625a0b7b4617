/* One film: the picture and its heat map, blended or side by side, and why it got its result. */

const ZOOM = { least: 1, most: 16, step: 1.3 };
const PLAIN = { zoom: 1, x: 0, y: 0, level: 128, width: 256, invert: false };

/* Make the film's view within its pane. */
function makeFilm(pane) {
  const part = (name) => pane.querySelector(`[data-part="${name}"]`);
  const stages = [...pane.querySelectorAll(".stage")];
  const heatStage = stages[1];
  const canvas = pane.querySelector("canvas");
  const state = { ...PLAIN, heat: true, strength: 1, beside: false, drag: "window" };
  let pictures = null; // read when the first film is opened
  let current = null;

  function apply() {
    for (const stage of stages) {
      const sheet = stage.firstElementChild;
      sheet.style.transform = `translate(${100 * state.x}%, ${100 * state.y}%) scale(${state.zoom})`;
    }
    const sign = state.invert ? -1 : 1;
    const slope = (sign * 255) / state.width;
    const intercept = 0.5 - (slope * state.level) / 255;
    for (const channel of document.querySelectorAll("#window-level feComponentTransfer > *")) {
      channel.setAttribute("slope", slope);
      channel.setAttribute("intercept", intercept);
    }
    canvas.style.opacity = state.heat ? state.strength : 0;
    pane.classList.toggle("beside", state.beside);
    const pressed = { heat: state.heat, beside: state.beside, invert: state.invert, pan: state.drag === "pan" };
    for (const [name, on] of Object.entries(pressed)) part(name).setAttribute("aria-pressed", String(on));
    part("strength").value = Math.round(100 * state.strength);
    part("level").value = Math.round(state.level);
    part("width").value = Math.round(state.width);
    part("view-facts").textContent = `level ${Math.round(state.level)}, window ${Math.round(state.width)}, zoom ${state.zoom.toFixed(1)}`;
  }

  function change(changes) {
    Object.assign(state, changes);
    state.zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, state.zoom));
    state.width = Math.min(512, Math.max(2, state.width));
    state.level = Math.min(255, Math.max(0, state.level));
    const reach = (state.zoom - 1) / 2; // the film never leaves its frame
    state.x = Math.min(reach, Math.max(-reach, state.x));
    state.y = Math.min(reach, Math.max(-reach, state.y));
    apply();
  }

  /* Zoom so that the point under the pointer stays where it is. */
  function zoomAt(stage, event, factor) {
    const box = stage.getBoundingClientRect();
    const zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, state.zoom * factor));
    const grown = zoom / state.zoom;
    const x = (event.clientX - box.left) / box.width - 0.5;
    const y = (event.clientY - box.top) / box.height - 0.5;
    change({ zoom, x: x - (x - state.x) * grown, y: y - (y - state.y) * grown });
  }

  function listen(stage) {
    const fingers = new Map();
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
      event.preventDefault();
      stage.focus({ preventScroll: true });
    });
    stage.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
      if (fingers.size === 2) {
        const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
        const span = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
        zoomAt(stage, event, span(event) / Math.max(1, span(before)));
      } else if (state.drag === "pan" || event.shiftKey || event.buttons & 6) {
        change({ x: state.x + dx / stage.clientWidth, y: state.y + dy / stage.clientHeight });
      } else {
        change({ width: state.width + dx, level: state.level - dy / 2 });
      }
      fingers.set(event.pointerId, event);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    stage.addEventListener("dblclick", (event) => zoomAt(stage, event, 2));
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoomAt(stage, event, event.deltaY < 0 ? ZOOM.step : 1 / ZOOM.step);
    }, { passive: false });
    stage.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      change({ x: state.x + step[0], y: state.y + step[1] });
    });
  }

  function picturesOf(row) {
    pictures = pictures || parsed("pictures");
    return pictures.films[pictureKey(row)] || null;
  }

  function showPictures(picture, name) {
    pane.classList.toggle("no-picture", !picture);
    pane.classList.toggle("no-heat", !picture || !picture.heat);
    canvas.hidden = true;
    heatStage.setAttribute("aria-label", `Film ${picture?.heat ? "with heat map" : "as it is"}; arrow keys move it when enlarged`);
    if (!picture) return;
    for (const image of pane.querySelectorAll(".stage img")) {
      image.alt = name;
      image.src = picture.film;
    }
    if (!picture.heat) return;
    const image = heatStage.querySelector("img");
    image.decode().then(() => {
      if (current !== picture) return; // another film was opened meanwhile
      canvas.width = Math.max(1, image.naturalWidth >> 1);
      canvas.height = Math.max(1, image.naturalHeight >> 1);
      drawHeat(canvas, picture.heat);
      canvas.hidden = false;
    }, () => pane.classList.add("no-picture")); // its file is not there any more
  }

  function pairs(row) {
    const size = row[at.width] === null ? "" : `${row[at.width]} × ${row[at.height]} pixels`;
    const age = row[at.age] && `${row[at.age]} years${row[at.age] === "90" ? " or more" : ""}`; // 90 stands for all above 89
    const utc = (seconds) => when(seconds) && when(seconds) + " UTC";
    return [
      ["Age", age],
      ["Sex", row[at.sex]],
      ["View", row[at.view]],
      ["Format", [row[at.format], size].filter(Boolean).join(", ")],
      ["File", [`${row[at.size_bytes].toLocaleString("en")} bytes`, utc(row[at.modified])].filter(Boolean).join(", ")],
      ["Assessed", utc(row[at.assessed_at])],
      ["sha256", row[at.sha256]],
    ].filter(([, value]) => value);
  }

  listen(stages[0]);
  listen(heatStage);
  const toggle = (name) => change({ [name]: !state[name] });
  const actions = {
    heat: () => toggle("heat"),
    beside: () => toggle("beside"),
    invert: () => toggle("invert"),
    pan: () => change({ drag: state.drag === "pan" ? "window" : "pan" }),
    closer: () => change({ zoom: state.zoom * ZOOM.step, x: state.x * ZOOM.step, y: state.y * ZOOM.step }),
    farther: () => change({ zoom: state.zoom / ZOOM.step, x: state.x / ZOOM.step, y: state.y / ZOOM.step }),
    reset: () => change(PLAIN),
  };
  for (const [name, action] of Object.entries(actions)) part(name).addEventListener("click", action);
  part("strength").addEventListener("input", (event) => change({ heat: true, strength: event.target.value / 100 }));
  part("level").addEventListener("input", (event) => change({ level: Number(event.target.value) }));
  part("width").addEventListener("input", (event) => change({ width: Number(event.target.value) }));

  return {
    actions,
    show(row, place) {
      const picture = picturesOf(row);
      current = picture;
      part("title").replaceChildren(...breakable(shown(row[at.path])));
      part("place").textContent = place;
      part("result").textContent = shown(resultText(row));
      part("result").className = "badge " + (row[at.label] === facts.positive ? "positive" : sectionOf(row).id);
      part("probability").textContent = row[at.probability] === null ? words.reasons[row[at.reason]] || "" : `P(${facts.positive}) ${probabilityText(row[at.probability])}`;
      part("why").replaceChildren(...why(row, picture).map((text) => element("li", { textContent: shown(text) })));
      part("facts").replaceChildren(...pairs(row).map(([name, value]) =>
        element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: shown(value) }))));
      part("mark").replaceChildren(...mark(row));
      showPictures(picture, shown(row[at.path]));
      change(PLAIN);
    },
  };
}

/* Why a film got its result, a sentence each. */
function why(row, picture) {
  const said = [];
  const probability = row[at.probability];
  if (probability === null) {
    said.push(`${sectionOf(row).title}: ${reasonText(row)}.`);
    if (row[at.embedding_distance] !== null) said.push(distanceText(row));
  } else {
    const side = row[at.label] === facts.positive ? "at or above" : "below";
    said.push(`P(${facts.positive}) ${probabilityText(probability)} is ${side} the threshold ${limitText(facts.threshold)} (${facts.rule}): called ${row[at.label]}.`);
    said.push(`It lies in the ${row[at.zone]} zone; the review zone goes from ${limitText(facts.zones.review)} to ${limitText(facts.zones.positive)}.`);
    said.push(distanceText(row));
    if (picture && picture.heat) said.push(heatText(hottest(picture.heat)));
    if (picture && markOf(row)) said.push(`${capital(markText(row))}. ${markOf(row).meaning}`);
    if (reasonText(row)) said.push(reasonText(row) + ".");
  }
  if (row[at.gone]) said.push("The file is no longer in the folder; this is what was found of it.");
  return said;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

/* Four decimals, or all there are of a limit that would look like 0 or 1. */
function limitText(value) {
  const short = value.toFixed(4);
  return Number(short) === 0 || Number(short) === 1 ? String(value) : short;
}

const distanceText = (row) =>
  `Distance from the training films ${row[at.embedding_distance]}; above ${facts.distance_limit} a film counts as unlike them.`;

/* Whose side it is: films are read by the patient's. */
const sideText = (where) => (/left|right/.test(where) ? " (side as seen, not the patient's)" : "");

const heatText = ({ heat, where }) => heat < 0.05
  ? "Hardly anything in the picture raised the score."
  : `What raised the score most lies in the ${where} of the picture${sideText(where)}, at heat ${heat.toFixed(2)}${heat >= 1 ? " or more" : ""}.`;
