// What is shown: sorted, filtered and paged, kept in the address after #, so that a view can be linked to.

const data = JSON.parse(document.getElementById("data").textContent);
const VERDICTS = ["context-driven", "redundant", "conjunctive", "object-driven", "undetermined"];
const PER_PAGE = 25;
data.rows.forEach((row, index) => { row.index = index; row.text = (row.image + " " + row.label).toLowerCase(); });

// Columns: name in the address, title, value to sort by, and the direction that is tried first.
const COLUMNS = [
  ["image", "Photograph", row => row.image, 1],
  ["saliency", "Saliency", row => row.saliency, -1],
  ["hidden", "Object hidden", row => row.hidden, -1],
  ["alone", "Object alone", row => row.alone, -1],
  ["class", "Class", row => row.label, 1],
  ["reliance", "Context reliance", row => row.reliance, -1],
  ["confidence", "Confidence", row => row.confidence, -1],
  ["probability", "Probability", row => row.probability, -1],
];
const column = name => COLUMNS.find(c => c[0] === name) || COLUMNS.find(c => c[0] === "reliance");

const state = { sort: "reliance", dir: -1, verdict: "", class: "", q: "", page: 1, open: new Set() };

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const sort = column(asked.get("sort"));
  state.sort = sort[0];
  state.dir = asked.get("dir") === "asc" ? 1 : asked.get("dir") === "desc" ? -1 : sort[3];
  state.verdict = VERDICTS.includes(asked.get("verdict")) ? asked.get("verdict") : "";
  state.class = asked.get("class") || "";
  state.q = asked.get("q") || "";
  state.page = Math.max(1, parseInt(asked.get("page"), 10) || 1);
  state.open = new Set((asked.get("open") || "").split(",").filter(Boolean).map(Number));
}

function writeAddress() {
  const said = new URLSearchParams();
  if (state.sort !== "reliance" || state.dir !== -1) {
    said.set("sort", state.sort);
    said.set("dir", state.dir < 0 ? "desc" : "asc");
  }
  for (const name of ["verdict", "class", "q"]) if (state[name]) said.set(name, state[name]);
  if (state.page > 1) said.set("page", state.page);
  if (state.open.size) said.set("open", [...state.open].join(","));
  const hash = said.toString();
  try { history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); } catch (_) { /* a sandbox */ }
}

// Rows that pass every filter but the verdict's, which the cards count.
function filtered() {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  return data.rows.filter(row => (!state.class || String(row.class) === state.class) && words.every(w => row.text.includes(w)));
}

// Numbers before text before nothing; what is undetermined comes last whichever way a judgement is sorted.
function sorted(rows) {
  const value = column(state.sort)[2];
  const judged = state.sort === "reliance" || state.sort === "confidence";
  return rows.slice().sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    const none = v => v === null || v === undefined;
    if (judged && (a.verdict === "undetermined") !== (b.verdict === "undetermined")) return a.verdict === "undetermined" ? 1 : -1;
    if (none(x) || none(y)) return none(x) - none(y) || a.index - b.index;
    const order = typeof x === "string" ? (x < y ? -1 : x > y ? 1 : 0) : x - y;
    return state.dir * order || a.index - b.index;
  });
}

function change(what, keepPage) {
  Object.assign(state, what);
  if (!keepPage) { state.page = 1; state.open = new Set(); }
  writeAddress();
  show();
}
