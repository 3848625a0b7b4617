/* Reading: verdicts on the open film, by buttons and by keys. */

function showVerdict() {
  const row = openRow();
  const verdict = verdictOf(row);
  for (const button of pane.querySelectorAll("[data-verdict]")) {
    button.hidden = !offered(row).includes(button.dataset.verdict);
    button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
  }
  byId("note").value = entryOf(row)?.note ?? "";
}

const unsigned = new Set(); // rows judged in this sitting while there were no initials

function judge(changes) {
  const row = openRow();
  if (!row) return;
  const reader = byId("reader").value.trim();
  if (!reader) unsigned.add(row);
  const kept = keepEntry(row, { ...changes, reader, time: new Date().toISOString() });
  byId("not-kept").hidden = kept;
  showVerdict();
  showRead();
  list.redraw();
  if ("verdict" in changes) say(`${verdictOf(row) || "no verdict"}: ${shown(row[at.path])}`);
}

function giveVerdict(verdict) {
  const row = openRow();
  if (!row || !offered(row).includes(verdict)) return;
  const taken = verdictOf(row) === verdict ? "" : verdict; // the same again takes it back
  judge({ verdict: taken, label: impliedLabel(row, taken) });
}

/* Whoever types initials after a first verdict has given that one too. */
function sign() {
  const reader = byId("reader").value.trim();
  if (!reader) return;
  for (const row of unsigned) if (entryOf(row)?.reader === "") keepEntry(row, { reader });
  unsigned.clear();
}

/* --- keyboard ------------------------------------------------------------------------------- */

const step = (by) => openFilm(Math.min(view.order.length - 1, Math.max(0, view.open + by)));
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  o: () => film.actions.heat(),
  s: () => film.actions.beside(),
  i: () => film.actions.invert(),
  "+": () => film.actions.closer(),
  "-": () => film.actions.farther(),
  0: () => film.actions.reset(),
  a: () => giveVerdict("agree"),
  d: () => giveVerdict("disagree"),
  u: () => giveVerdict("unsure"),
  1: () => giveVerdict(facts.negative),
  2: () => giveVerdict(facts.positive),
  n: () => pane.hidden || byId("note").focus(),
  "/": () => form.elements.q.focus(),
  "?": () => byId("keys").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("keys").open) return; // it closes by Esc itself
  if (event.key === "Escape" && !pane.hidden) return closeFilm();
  if (!byId("keys-on").checked || event.target.closest("input:not([type=range], [type=checkbox]), select, textarea")) return;
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

/* --- taking verdicts in, from files and from other tabs ------------------------------------- */

async function takeIn(event) {
  const [file] = event.target.files;
  if (!file) return;
  try {
    const { taken, older, unknown } = importVerdicts(await file.text());
    say(`${taken} verdicts taken in; ${older} not newer than those here; ${unknown} of films not in this page.`);
  } catch {
    say(`${shown(file.name)} holds no verdicts; choose a file that this page exported.`);
  }
  event.target.value = "";
  refresh({ keepPlace: true });
  if (openRow()) showVerdict();
}

/* Another tab with a report has kept something. */
function onStorage(event) {
  if (!event.key || !event.key.startsWith(PREFIX)) return;
  remember(event.key, event.newValue);
  showRead();
  list.redraw();
  if (openRow() && document.activeElement !== byId("note")) showVerdict();
}

function keepReader() {
  const field = byId("reader");
  try {
    field.value = localStorage.getItem(READER) || "";
    field.addEventListener("input", () => {
      try {
        localStorage.setItem(READER, field.value);
      } catch {
        byId("not-kept").hidden = false;
      }
    });
  } catch {
    keeps = false;
  }
}
