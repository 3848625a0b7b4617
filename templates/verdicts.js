/* Verdicts: what a reader says of a film, kept in the browser, taken out as CSV or JSON and in again. */

const VERDICTS = ["agree", "disagree", "unsure"];
const CLASSES = [facts.negative, facts.positive];
const PREFIX = "xrayscan verdict ";
const READER = "xrayscan reader";
const EXPORTED = ["path", "label", "sha256", "verdict", "reader", "time", "note", "called", "probability", "model", "model_sha256"];

/* One entry of the browser's store per film, so that two open reports do not overwrite each other.
   The key is path and content: a film that was changed has to be read again. */
const keyOf = (row) => PREFIX + row[at.sha256] + " " + row[at.path];
const verdicts = new Map();
let keeps = true; // whether the browser lets the page keep anything

function loadVerdicts() {
  try {
    for (let index = 0; index < localStorage.length; index += 1) {
      const key = localStorage.key(index);
      if (key.startsWith(PREFIX)) remember(key, localStorage.getItem(key));
    }
  } catch {
    keeps = false;
  }
}

function remember(key, text) {
  try {
    const entry = JSON.parse(text);
    if (saysSomething(entry)) verdicts.set(key, entry);
    else verdicts.delete(key);
  } catch {
    verdicts.delete(key); // another program's
  }
}

/* A class as verdict is one that the reader named; this model may call its classes otherwise. */
const saysSomething = (entry) => Boolean(entry && (VERDICTS.includes(entry.verdict) || (entry.verdict && entry.verdict === entry.label) || entry.note));

/* What can be said of a film: where there is no result to agree with, which class it is. */
const offered = (row) => (row[at.label] ? VERDICTS : [...CLASSES, "unsure"]);

const entryOf = (row) => verdicts.get(keyOf(row)) || null;

/* The verdict on what the page says now: a reader who named a class agrees with whoever names it. */
function verdictOf(row) {
  const entry = entryOf(row);
  if (!entry || !entry.verdict) return "";
  if (!entry.label) return entry.verdict;
  if (!row[at.label]) return entry.label;
  return entry.label === row[at.label] ? "agree" : "disagree";
}

/* What was said of a film, in one line: "disagree (A.B., 2026-11-21 03:04 UTC): the note". */
function saidText(row) {
  const entry = entryOf(row);
  if (!entry) return "";
  const moment = when(Date.parse(entry.time) / 1000);
  const who = [entry.reader, moment && moment + " UTC"].filter(Boolean).join(", ");
  return [verdictOf(row), who && `(${who})`].filter(Boolean).join(" ") + (entry.note && `: ${entry.note}`);
}

/* The class that a verdict implies or names; "" for one who is unsure. */
function impliedLabel(row, verdict) {
  if (verdict === "agree") return row[at.label];
  if (verdict === "disagree") return CLASSES.find((name) => name !== row[at.label]);
  return CLASSES.includes(verdict) ? verdict : "";
}

/* Keep what a reader says of a film; returns whether the browser will still know it tomorrow. */
function keepEntry(row, changes) {
  const entry = { verdict: "", label: "", note: "", reader: "", time: "", ...entryOf(row), ...changes };
  if (entry.verdict || entry.note) verdicts.set(keyOf(row), entry);
  else verdicts.delete(keyOf(row));
  try {
    if (verdicts.has(keyOf(row))) localStorage.setItem(keyOf(row), JSON.stringify(entry));
    else localStorage.removeItem(keyOf(row));
  } catch {
    keeps = false; // full, or not allowed
  }
  return keeps;
}

/* --- out ------------------------------------------------------------------------------------ */

function exported() {
  return rows.filter((row) => entryOf(row)).map((row) => {
    const entry = entryOf(row);
    const verdict = verdictOf(row);
    return {
      path: row[at.path],
      label: entry.label,
      sha256: row[at.sha256],
      verdict,
      reader: entry.reader,
      time: entry.time,
      note: entry.note,
      called: row[at.label],
      probability: row[at.probability],
      model: facts.model,
      model_sha256: facts.model_sha256,
    };
  });
}

/* A quote before what a spreadsheet would run as a formula; the same rule as in the predictions. */
const safeCell = (text) => (/^[=+\-@\t\r\n']/.test(text) ? "'" + text : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);

function verdictsCsv() {
  const lines = exported().map((entry) => EXPORTED.map((name) => quoted(safeCell(String(entry[name] ?? "")))).join(","));
  return [EXPORTED.join(","), ...lines, ""].join("\n");
}

function verdictsJson() {
  const report = { schema: 1, kind: "xrayscan verdicts", model: facts.model, model_sha256: facts.model_sha256 };
  return JSON.stringify({ ...report, verdicts: exported() }, null, 1) + "\n";
}

function download(name, type, text) {
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/* --- in ------------------------------------------------------------------------------------- */

/* The cells of a CSV, quoted ones included. */
function csvCells(text) {
  const lines = [[]];
  const cell = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g;
  for (let match = cell.exec(text); match; match = cell.exec(text)) {
    const [whole, content, end] = match;
    lines.at(-1).push(content.startsWith('"') ? content.slice(1, -1).replaceAll('""', '"') : content);
    if (cell.lastIndex >= text.length && end !== ",") break;
    if (end !== ",") lines.push([]);
    if (!whole) break;
  }
  return lines.filter((line) => line.length > 1 || line[0]);
}

function importedEntries(text) {
  if (text.trimStart().startsWith("{")) return JSON.parse(text).verdicts;
  const [head, ...lines] = csvCells(text.replace(/^\ufeff/, ""));
  if (!head || !["path", "sha256", "verdict"].every((name) => head.includes(name))) throw new Error("no verdicts");
  return lines.map((line) => Object.fromEntries(head.map((name, index) => [name, (line[index] ?? "").replace(/^'/, "")])));
}

/* Take verdicts in; of a film that has one, the later stays.
   Returns how many were taken, were older or of the same time, and are of films not in this page. */
function importVerdicts(text) {
  const known = new Map(rows.map((row) => [row[at.sha256] + " " + row[at.path], row]));
  const result = { taken: 0, older: 0, unknown: 0 };
  for (const entry of importedEntries(text)) {
    const row = known.get(String(entry.sha256 ?? "") + " " + String(entry.path ?? ""));
    if (!row || !saysSomething(entry)) {
      result.unknown += 1;
    } else if ((entryOf(row)?.time ?? "") >= String(entry.time ?? "")) {
      result.older += 1;
    } else {
      const text = (name) => String(entry[name] ?? "");
      keepEntry(row, { verdict: text("verdict"), label: text("label"), note: text("note"), reader: text("reader"), time: text("time") });
      result.taken += 1;
    }
  }
  return result;
}
