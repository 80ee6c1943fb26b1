"""The results as numbers to compare, and as one page of Markdown."""
import statistics

OURS = "Backlit"
TITLES = {"gradient": "Forward and input gradient", "forward": "Forward only"}


def rows(found):
    """Every case that was measured, with its peer's name."""
    return [case | {"peer": about["peer"]} for about in found["peers"].values() for case in about["cases"] if case.get("rounds")]


def median(row):
    return statistics.median(row["rounds"])


def best_modes(found):
    """Of every peer, question, precision and batch the fastest mode."""
    best = {}
    for row in rows(found):
        key = row["peer"], row["what"], row["precision"], row["batch"]
        if key not in best or median(row) < median(best[key]):
            best[key] = row
    return best


def ours(best, what, batch):
    """Our own rows for a question, by precision."""
    return {key[2]: row for key, row in best.items() if key[0] == OURS and key[1] == what and key[3] == batch}


def ratio(row, own):
    """How many times our time a peer takes, round by round, and of these the median."""
    return statistics.median(a / b for a, b in zip(row["rounds"], own["rounds"]))


def error(row, name):
    """Median and worst of the photographs, or nothing where only one was asked."""
    found = row["errors"].get(name)
    if found is None:
        return ""
    return f"{found['median']:.1e}" if found["median"] == found["worst"] else f"{found['median']:.1e} / {found['worst']:.1e}"


def spread(row):
    """Milliseconds an image: median (min-max) of the rounds."""
    digits = 1 if median(row) < 100 else 0
    show = lambda x: f"{x:.{digits}f}"
    return f"{show(median(row))} ({show(min(row['rounds']))}-{show(max(row['rounds']))})"


def table(head, lines, words=2):
    """Markdown; after the first `words` columns come numbers."""
    marks = ["---" if i < words else "--:" for i in range(len(head))]
    return ["| " + " | ".join(line) + " |" for line in [head, marks, *lines]] + [""]


def section(best, what, batch):
    """Who is how fast at one question, the fastest first."""
    chosen = sorted((row for key, row in best.items() if key[1] == what and key[3] == batch), key=median)
    if not chosen:
        return []
    own = ours(best, what, batch)
    name = "gradient" if what == "gradient" else "logits"
    lines = []
    for row in chosen:
        times = ["" if mine is row else f"{ratio(row, mine):.2f}" for mine in own.values()]
        bold = f"**{row['peer']}**" if row["peer"] == OURS else row["peer"]
        lines.append([bold, row["precision"], row["mode"], spread(row), *times, error(row, name)])
    head = ["engine", "precision", "mode", "ms an image, median (min-max)", *(f"x ours, {p}" for p in own), f"error of the {name}"]
    return [f"## {TITLES[what]}, batch {batch}", "", *table(head, lines, 3)]


def facts(found):
    own = next((about for about in found["peers"].values() if about["peer"] == OURS), {})
    photographs = next((about["photographs"] for about in found["peers"].values()), [])
    lines = [
        f"date: {found['date']} (UTC)",
        f"processor: {found['processor']}, {found['threads']} threads, the same processors for everybody",
        f"commit: {found['commit']}",
        f"network: {found['network']}; photographs: {', '.join(photographs)}",
        f"{found['rounds']} rounds in turns, {found['seconds']:g} s for each case in each round; python {found['python']}"]
    if "roof_gflops" in own:
        lines.append(f"roof of float32 multiply-adds, measured before: {own['roof_gflops']:.1f} GFLOP/s; forward is "
                     f"{own['forward_gflop']:.2f} GFLOP an image, the gradient as much again")
    if found["isa"] != "best":
        lines.append(f"everybody was told to use no more than {found['isa']}; ONNX Runtime, candle and rten have no such option")
    return [f"- {line}" for line in lines] + [""]


def markdown(found):
    best = best_modes(found)
    lines = ["# Backlit and its peers", "", *facts(found)]
    for what in TITLES:
        for batch in sorted({key[3] for key in best}):
            lines += section(best, what, batch)
    lines += ["`x ours`: how many times our time a peer takes, the median of the rounds' ratios. Errors: relative L2 against "
              "float64, median / worst of the photographs. Each peer is there with the fastest of its modes.", ""]
    lines += ["## Peers", ""]
    lines += table(["peer", "versions", "instructions"],
                   [[a["peer"], ", ".join(f"{k} {v}" for k, v in a["versions"].items()), a["isa"]] for a in found["peers"].values()], 3)
    lines += ["## Every mode", ""]
    lines += table(["engine", "case", "ms an image, median (min-max)", "rounds", "error of logits", "error of gradient", "prepared in s"],
                   [[r["peer"], r["id"], spread(r), str(len(r["rounds"])), error(r, "logits"), error(r, "gradient"),
                     f"{r['prepared_s']:.0f}"] for r in sorted(rows(found), key=lambda r: (r["what"], r["batch"], median(r)))])
    missing = [[name, why] for name, why in found["skipped"].items()]
    missing += [[a["peer"] + " " + c["id"], c.get("skipped", "it died before its turn")]
                for a in found["peers"].values() for c in a["cases"] if not c.get("rounds")]
    if missing:
        lines += ["## Skipped", "", *table(["what", "why"], missing)]
    return "\n".join(lines).rstrip() + "\n"
