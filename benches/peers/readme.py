"""README's headline table and its bar picture, both from one file of results."""
import json
import re
import sys
from pathlib import Path

import picture
import report
from environments import ROOT

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
PICTURE = Path("docs/images/speed.svg")


def newest(folder):
    found = sorted(folder.glob("*-peers.json"))
    if not found:
        sys.exit(f"{folder} has no results yet: run run.py without --readme first")
    return found[-1]


def headline(found, source):
    """The gradient at both batch sizes, one line for every engine and precision."""
    best = report.best_modes(found)
    batches = sorted({key[3] for key in best if key[1] == "gradient"})
    engines = sorted({(key[0], key[2]) for key in best if key[1] == "gradient"},
                     key=lambda e: min(report.median(r) for k, r in best.items() if k[1] == "gradient" and (k[0], k[2]) == e))
    lines = []
    for peer, precision in engines:
        cells = []
        for batch in batches:
            row = best.get((peer, "gradient", precision, batch))
            own = report.ours(best, "gradient", batch).get("f32")
            if row is None:
                cells += ["", ""]
            else:
                cells += [f"{report.median(row):.0f}", "" if own is None or own is row else f"{report.ratio(row, own):.2f}"]
        worst = max((r for k, r in best.items() if k[1] == "gradient" and (k[0], k[2]) == (peer, precision)),
                    key=lambda r: r["errors"]["gradient"]["median"])
        name = f"**{peer}**" if peer == report.OURS else peer
        lines.append([name, precision, *cells, report.error(worst, "gradient")])
    head = ["engine", "precision"]
    for batch in batches:
        head += [f"ms, batch {batch}", f"x {report.OURS} f32"]
    head.append("gradient error, median / worst")
    versions = ", ".join(f"{a['peer']} {next(iter(a['versions'].values()))}" for a in found["peers"].values() if a["peer"] != report.OURS)
    told = "" if found["isa"] == "best" else f", everybody with {found['isa']} at most"
    return "\n".join([
        f"![Milliseconds an image for the gradient, Backlit beside its peers]({PICTURE})", "",
        *report.table(head, lines),
        f"Milliseconds an image for logits and input gradient of one class; {found['processor']}, {found['threads']} threads{told}, "
        f"{found['date']}, {versions}. Error: relative L2 against float64 over the photographs, at the batch size where its "
        f"median is larger. Forward alone, other modes and spreads: [{source.stem}](benches/results/{source.stem}.md)."])


def write(source):
    found = json.loads(source.read_text())
    readme = ROOT / "README.md"
    text = readme.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"README.md needs the lines {BEGIN} and {END}, once each")
    new = f"{BEGIN}\n{headline(found, source)}\n{END}"
    readme.write_text(re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: new, text, flags=re.S))
    (ROOT / PICTURE).write_text(picture.svg(found))
    print(f"written: {readme} and {ROOT / PICTURE}", file=sys.stderr)
