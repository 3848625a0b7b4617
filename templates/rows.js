"use strict";
/* The rows of the page: read, put into words, filtered and sorted. A row is an array; `at` says
   which value stands where. */

const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
const facts = parsed("facts");
const rows = parsed("rows");
const at = Object.fromEntries(facts.fields.map((name, index) => [name, index]));
const words = facts.words;

/* Marks that turn the reading direction, control and other invisible characters: shown as their
   number, so that a name looks like what it is. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const shown = (text) => text.replace(INVISIBLE, (mark) => "\\u" + mark.codePointAt(0).toString(16).padStart(4, "0"));

const folderOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const sectionOf = (row) => words.sections[row[at.section]];

function probabilityText(value) {
  if (value === null) return "";
  if (value >= 0.9995) return "> 0.999";
  return value < 0.0005 ? "< 0.001" : value.toFixed(3);
}

/* Dates of files and runs are UTC; ISO 8601 unless the report was drawn for a language. */
const dateFormat = makeDateFormat(facts.dates);

function makeDateFormat(language) {
  if (!language) return null;
  try {
    return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  } catch {
    return null;
  }
}

function when(seconds) {
  if (seconds === null) return "";
  const moment = new Date(seconds * 1000);
  if (Number.isNaN(moment.getTime())) return "";
  return dateFormat ? dateFormat.format(moment) : moment.toISOString().slice(0, 16).replace("T", " ");
}

/* What a film's picture is found by, and how far its heat map was tested; null without one. */
const pictureKey = (row) => row[at.sha256] || row[at.path];
const markOf = (row) => (Object.hasOwn(facts.marks, pictureKey(row)) ? words.marks[facts.marks[pictureKey(row)]] : null);
const markText = (row) => markOf(row)?.title || "";

function resultText(row) {
  return row[at.status] === "scored" ? row[at.label] : words.statuses[row[at.status]];
}

function reasonText(row) {
  const reason = row[at.reason];
  return [reason ? words.reasons[reason] || reason : "", row[at.detail]].filter(Boolean).join(": ");
}

/* --- filters: each turns its value into a test of a row ------------------------------------- */

const same = (field) => (value) => (row) => row[at[field]] === value;
const day = (value) => Date.parse(value + "T00:00:00Z") / 1000;

/* The beginning of a sha256, long enough to be meant as one: hardly any film lacks a short one's digits. */
const HASH = /^[0-9a-f]{8,64}$/;

const FILTERS = {
  q: (value) => {
    const parts = value.toLowerCase().split(/\s+/).filter(Boolean);
    return (row) => {
      const text = [row[at.path], reasonText(row), markText(row)].join(" ").toLowerCase();
      return parts.every((part) => text.includes(part) || (HASH.test(part) && row[at.sha256].startsWith(part)));
    };
  },
  section: (value) => (row) => sectionOf(row).id === value,
  status: same("status"),
  zone: same("zone"),
  label: same("label"),
  reason: same("reason"),
  folder: (value) => {
    const folder = value.replace(/\/+$/, "");
    return (row) => folderOf(row[at.path]) === folder || row[at.path].startsWith(folder + "/");
  },
  min: (value) => (row) => row[at.probability] !== null && row[at.probability] >= Number(value),
  max: (value) => (row) => row[at.probability] !== null && row[at.probability] <= Number(value),
  from: (value) => (row) => row[at.assessed_at] !== null && row[at.assessed_at] >= day(value),
  to: (value) => (row) => row[at.assessed_at] !== null && row[at.assessed_at] < day(value) + 86400,
  verdict: (value) => (row) => (verdictOf(row) || "unread") === value,
};

/* The tests of all filters that are set; `except` leaves one out. */
function testsOf(filter, except) {
  return Object.entries(filter)
    .filter(([name, value]) => value !== "" && name !== except && name in FILTERS)
    .map(([name, value]) => FILTERS[name](value));
}

/* Films by section under all filters but that of the section itself: they add up to `all`. */
function countsOf(filter) {
  const tests = testsOf(filter, "section");
  const counts = words.sections.map(() => 0);
  for (const row of rows) if (tests.every((test) => test(row))) counts[row[at.section]] += 1;
  return { counts, all: counts.reduce((sum, count) => sum + count, 0) };
}

/* --- order ---------------------------------------------------------------------------------- */

/* "film 9" before "film 10": numbers as long as the longest. A collator would take a second. */
const natural = (text) => text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(20, "0"));

const SORT_KEYS = {
  urgency: null, // the order in which rows stand in the page
  path: (row) => natural(row[at.path]),
  result: resultText,
  probability: (row) => row[at.probability],
  zone: (row) => ["negative", "review", "positive"].indexOf(row[at.zone]),
  reason: (row) => [markText(row), reasonText(row)].filter(Boolean).join("; ") || null,
  modified: (row) => row[at.modified],
  assessed: (row) => row[at.assessed_at],
  verdict: (row) => verdictOf(row) || null,
};

/* Indices of the rows that pass, in order; rows without a value come last either way. */
function orderOf(filter, sort) {
  const tests = testsOf(filter);
  const found = [];
  rows.forEach((row, index) => {
    if (tests.every((test) => test(row))) found.push(index);
  });
  const key = SORT_KEYS[sort.key];
  if (!key) return found;
  const keys = new Map(found.map((index) => [index, key(rows[index])]));
  const sign = sort.falling ? -1 : 1;
  return found.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return sign * ((x > y) - (x < y)) || a - b;
  });
}
