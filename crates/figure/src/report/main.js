// The whole page, drawn again whenever the state changes; only the rows of one page are ever in it.

function count(rows) {
  const counts = Object.fromEntries(VERDICTS.map(v => [v, 0]));
  rows.forEach(row => counts[row.verdict]++);
  return counts;
}

function cards(rows) {
  const counts = count(rows);
  document.getElementById("strip").replaceChildren(...strip(counts));
  const card = v => make("button", {
    type: "button", class: "card", "data-verdict": v, "aria-pressed": String(state.verdict === v),
    onclick: () => { change({ verdict: state.verdict === v ? "" : v }); document.querySelector(`.card[data-verdict="${v}"]`).focus(); },
  }, make("span", { class: "share" }, rows.length ? percent(counts[v] / rows.length) : ""), make("b", {}, number(counts[v])),
  make("span", { class: "name" }, title(v)));
  document.getElementById("cards").replaceChildren(...VERDICTS.map(card));
}

function show() {
  const candidates = filtered();
  cards(candidates);
  const rows = sorted(candidates.filter(row => !state.verdict || row.verdict === state.verdict));
  state.page = Math.min(state.page, Math.max(1, Math.ceil(rows.length / PER_PAGE)));
  columns();
  pages(rows.length);
  const first = (state.page - 1) * PER_PAGE;
  const shown = rows.slice(first, first + PER_PAGE);
  waiting.clear();
  const body = document.getElementById("rows");
  body.replaceChildren(...shown.flatMap(row => state.open.has(row.index) && row.fills.length ? [line(row), detail(row)] : [line(row)]));
  if (!shown.length) body.append(make("tr", {}, make("td", { colspan: 6, class: "empty" }, "No photograph matches.")));
  const range = rows.length > PER_PAGE ? `${number(first + 1)}–${number(first + shown.length)} of ` : "";
  const all = rows.length === data.rows.length ? "" : ` (${number(data.rows.length)} in all)`;
  document.getElementById("count").textContent = `${range}${number(rows.length)} photograph${rows.length === 1 ? "" : "s"}${all}`;
  const search = document.getElementById("search");
  if (search.value !== state.q) search.value = state.q;
  document.getElementById("class").value = state.class;
  document.getElementById("sort").value = state.sort;
  document.getElementById("direction").textContent = state.dir < 0 ? "Descending ↓" : "Ascending ↑";
  document.documentElement.dataset.shown = shown.map(row => row.index).join(",");
}

function head() {
  const counts = count(data.rows);
  const judged = data.rows.length - counts.undetermined;
  const context = counts["context-driven"];
  document.getElementById("lead").textContent = judged === 0
    ? "None of the photographs could be judged."
    : `Of ${number(judged)} photograph${judged === 1 ? "" : "s"} that could be judged, ${context === 0 ? "none keeps its class"
      : context === 1 ? "one keeps its class" : number(context) + " keep their class"} when the object is hidden and lose${context > 1 ? "" : "s"} it when only the object is left.`;
  const fact = ([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { title: value }, /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 16) + "…" : value));
  document.getElementById("facts").replaceChildren(...data.facts.map(fact));
}

function classes() {
  const groups = new Map();
  for (const row of data.rows) {
    if (!groups.has(row.class)) groups.set(row.class, []);
    groups.get(row.class).push(row);
  }
  const mean = (rows, of) => {
    const values = rows.map(of).filter(v => v !== null && v !== undefined);
    return values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
  };
  const all = [...groups].map(([index, rows]) => ({ index, rows, label: rows[0].label, reliance: mean(rows, r => r.reliance) }));
  all.sort((a, b) => (b.reliance === null ? -2 : b.reliance) - (a.reliance === null ? -2 : a.reliance) || a.index - b.index);
  document.getElementById("class-count").textContent = `${number(all.length)}, the most context-driven first`;
  const cell = text => make("td", { class: "number" }, text);
  document.getElementById("class-rows").replaceChildren(...all.map(c => make("tr", {},
    make("td", {}, make("button", { type: "button", class: "link", onclick: () => {
      change({ class: String(c.index), verdict: "" });
      document.getElementById("photographs-title").scrollIntoView();
    } }, nice(c.label))),
    cell(number(c.rows.length)), make("td", {}, make("div", { class: "strip" }, ...strip(count(c.rows)))),
    cell(signed(c.reliance)), cell(percent(mean(c.rows, r => r.saliency))), cell(percent(mean(c.rows, r => r.area))))));
  const options = all.slice().sort((a, b) => a.label < b.label ? -1 : a.label > b.label ? 1 : 0);
  document.getElementById("class").append(make("option", { value: "" }, "All classes"),
    ...options.map(c => make("option", { value: c.index }, `${nice(c.label)} (${c.rows.length})`)));
}

document.getElementById("sort").append(...COLUMNS.map(([name, text]) => make("option", { value: name }, "Sort by " + text.toLowerCase())));
document.getElementById("search").addEventListener("input", e => change({ q: e.target.value }));
document.getElementById("class").addEventListener("change", e => change({ class: e.target.value }));
document.getElementById("sort").addEventListener("change", e => change({ sort: e.target.value, dir: column(e.target.value)[3] }));
document.getElementById("direction").addEventListener("click", () => change({ dir: -state.dir }));
document.getElementById("reset").addEventListener("click", () => change({ sort: "reliance", dir: -1, verdict: "", class: "", q: "" }));
document.addEventListener("keydown", e => {
  if (e.key === "/" && !e.ctrlKey && !e.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) {
    e.preventDefault();
    document.getElementById("search").focus();
  }
});
window.addEventListener("hashchange", () => { readAddress(); show(); });
head();
classes();
readAddress();
show();
