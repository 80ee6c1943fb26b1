// The table of photographs.

function picture(row, which, alt, overlay, ...caption) {
  return make("td", { class: "picture" }, shot(row, which, alt, 174, 150, overlay), make("div", { class: "caption" }, ...caption));
}

function left(row, share, reading) {
  if (!reading) return [make("span", { class: "small" }, "not tried")];
  return [
    make("div", { class: "meter" }, meter(share), make("span", {}, `${percent(share)} left`)),
    make("span", { class: "small" }, `${data.fills[0]}: ${probability(reading[0])}, rank ${number(reading[1])}`),
  ];
}

function judgement(row) {
  const cell = make("td", { class: "judgement", "data-verdict": row.verdict }, badge(row.verdict));
  if (row.doubt) {
    cell.append(make("p", { class: "why" }, row.doubt));
  } else {
    const place = { left: 50 + 50 * row.reliance + "%" };
    cell.append(
      make("div", { class: "pair" }, "Confidence", make("b", {}, percent(row.confidence))),
      make("div", { class: "meter" }, meter(row.confidence, row.verdict)),
      make("div", { class: "pair" }, "Context reliance", make("b", {}, signed(row.reliance))),
      make("div", { class: "axis", "aria-hidden": "true" }, make("i", { style: place })),
      make("div", { class: "ends", "aria-hidden": "true" }, make("span", {}, "object"), make("span", {}, "context")));
  }
  const open = state.open.has(row.index);
  if (row.fills.length) cell.append(make("button", {
    type: "button", class: "link more", "aria-expanded": String(open), "data-toggle": row.index,
    onclick: () => {
      const next = new Set(state.open);
      if (!next.delete(row.index)) next.add(row.index);
      change({ open: next }, true);
      document.querySelector(`[data-toggle="${row.index}"]`).focus();
    },
  }, open ? "Fewer numbers" : "All numbers"));
  return cell;
}

function line(row) {
  const first = row.fills[0];
  const shares = row.saliency === null ? "blank map" : `${percent(row.saliency)} on the object`;
  return make("tr", { "data-row": row.index, "data-image": row.image, class: state.open.has(row.index) ? "open" : null },
    picture(row, 0, `${row.image}, the object in a box`, boxes(row),
      make("span", { class: "file", title: row.image }, row.name),
      make("span", { class: "small" }, row.box ? (row.origin === "given" ? "given box" : "the map’s own box") : "no box")),
    picture(row, 1, "Saliency map over the photograph", null, make("span", {}, shares), make("br"),
      make("span", { class: "small" }, row.area === null ? "" : `which is ${percent(row.area)} of the area`)),
    picture(row, 2, `The object hidden, ${data.fills[0]}`, null, ...left(row, row.hidden, first && first.hidden)),
    picture(row, 3, `The object alone, ${data.fills[0]}`, null, ...left(row, row.alone, first && first.alone)),
    make("td", {}, topList(row.top, row.label)),
    judgement(row));
}

function detail(row) {
  const head = ["Fill", "Hidden: left", "probability", "rank", "logit", "Alone: left", "probability", "rank", "logit", "Elsewhere: left", "Verdict"];
  const cells = ([p, rank, logit]) => [probability(p), number(rank), logit.toFixed(2)];
  const body = row.fills.map(f => make("tr", {}, make("th", { scope: "row" }, f.fill),
    ...[percent(f.hidden_keeps), ...cells(f.hidden), percent(f.alone_keeps), ...cells(f.alone), percent(f.control_keeps)]
      .map(text => make("td", { class: "number" }, text)), make("td", {}, badge(f.verdict))));
  const table = make("table", { class: "plain" },
    make("thead", {}, make("tr", {}, ...head.map((h, i) => make("th", { scope: "col", class: i > 0 && i < 10 ? "number" : null }, h)))),
    make("tbody", {}, ...body));
  const lists = [["Untouched", row.top], [`Object hidden, ${data.fills[0]}`, row.top_hidden], [`Object alone, ${data.fills[0]}`, row.top_alone]];
  const said = `Agreement of the fills ${percent(row.agreement)}, support by the ${row.controls.length} boxes elsewhere ${percent(row.support)}.`
    + (row.box ? ` Object: ${row.slices} of the 224 × 224 grid.` : "") + (row.cam === null ? "" : ` ${percent(row.cam)} of the class activation map lies on it.`);
  return make("tr", { class: "numbers" }, make("td", { colspan: 6 }, make("div", { class: "detail" },
    shot(row, 0, "The object and the boxes elsewhere", 300, 300, boxes(row, true)),
    make("div", {}, table, make("p", { class: "quiet" }, said),
      make("div", { class: "triple" }, ...lists.map(([name, top]) => make("div", {}, make("h3", {}, name), topList(top, row.label))))))));
}

function columns() {
  const head = COLUMNS.slice(0, 6).map(([name, text, , first]) => {
    const active = state.sort === name;
    const sort = active ? (state.dir < 0 ? "descending" : "ascending") : null;
    const click = () => change({ sort: name, dir: active ? -state.dir : first });
    return make("th", { scope: "col", "aria-sort": sort }, make("button", { type: "button", onclick: click }, name === "reliance" ? "Verdict" : text));
  });
  document.getElementById("columns").replaceChildren(...head);
}

function pages(count) {
  const last = Math.max(1, Math.ceil(count / PER_PAGE));
  const nav = document.getElementById("pages");
  const go = (text, page) => make("button", { type: "button", class: "plain-button", disabled: page < 1 || page > last ? "" : null,
    onclick: () => { change({ page, open: new Set() }, true); document.getElementById("table").scrollIntoView(); } }, text);
  nav.replaceChildren(...(last === 1 ? [] : [go("← Previous", state.page - 1),
    make("span", {}, `Page ${number(state.page)} of ${number(last)}`), go("Next →", state.page + 1)]));
  return last;
}
