// Small pieces. Text goes in as text, never as markup.

function make(tag, attributes, ...children) {
  const node = tag === "svg" || tag === "rect" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}

const nice = name => name.replace(/_/g, " ");
const title = verdict => verdict[0].toUpperCase() + verdict.slice(1);
const number = n => n.toLocaleString("en");
const percent = v => v === null || v === undefined ? "–" : v > 0 && v < 0.0995 ? (100 * v).toFixed(1) + " %" : Math.round(100 * v) + " %";
const probability = v => v > 0 && v < 0.00005 ? "<0.0001" : v.toFixed(4);
const signed = v => v === null || v === undefined ? "–" : (v > 0 ? "+" : v < 0 ? "−" : "") + Math.abs(v).toFixed(2);
const badge = verdict => make("span", { class: "badge", "data-verdict": verdict }, title(verdict));

function strip(counts) {
  const part = v => make("span", { "data-verdict": v, style: { flex: String(counts[v]) }, title: `${title(v)}: ${counts[v]}` });
  return VERDICTS.filter(v => counts[v]).map(part);
}

function meter(share, verdict) {
  const fill = make("b", { style: { width: 100 * Math.min(1, Math.max(0, share)) + "%" } });
  return make("i", { "data-verdict": verdict, "aria-hidden": "true" }, fill);
}

function topList(top, followed) {
  const item = ([label, p]) => make("li", { class: label === followed ? "followed" : null, style: { "--share": 100 * p + "%" } },
    make("span", { title: nice(label) }, nice(label)), make("span", { class: "p" }, probability(p)));
  return make("ol", { class: "top" }, ...top.map(item));
}

// Pictures stand at the end of the page, each row's in an element of its own; only those of the rows shown become
// images. The end of a large file may arrive after the first rows are drawn, which then wait for it.
const waiting = new Set();
function fetchPicture(image, index, which) {
  const store = document.getElementById("p" + index);
  const found = store ? store.textContent.split(" ")[which] : null;
  if (found) image.src = "data:image/jpeg;base64," + found;
  else if (document.readyState === "loading") waiting.add([image, index, which]);
}
document.addEventListener("DOMContentLoaded", () => {
  for (const [image, index, which] of waiting) fetchPicture(image, index, which);
  waiting.clear();
});

function shot(row, which, alt, width, height, overlay) {
  const [w, h] = row.size;
  const scale = Math.min(width / w, height / h);
  const tried = which < 2 || row.fills.length > 0;
  const image = tried ? make("img", { alt, decoding: "async", width: Math.round(w * scale), height: Math.round(h * scale) }) : "";
  if (tried) fetchPicture(image, row.index, which);
  const style = { width: Math.round(w * scale) + "px", height: Math.round(h * scale) + "px" };
  return make("div", { class: "frame" }, make("div", { class: "shot", style }, image, overlay || null));
}

// Boxes are shares of the picture: left, top, width, height.
function boxes(row, withControls) {
  if (!row.box) return null;
  const rect = (box, kind) => make("rect", { class: kind, x: box[0], y: box[1], width: box[2], height: box[3] });
  const controls = withControls ? row.controls.map(box => rect(box, "control")) : [];
  return make("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" },
    ...controls, rect(row.box, "edge"), rect(row.box, "object"));
}
