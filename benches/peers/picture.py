"""The bar picture: milliseconds an image for the gradient, a bar an engine, its error written on it. SVG, by hand."""
from html import escape

import report

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 150, 150, 22, 6, 34
OWN, OTHER = "#0072b2", "#999999"           # distinct in every kind of colour vision, and in grey
FAR_OFF = 5e-2                              # from this error on a bar is pale: it is no gradient to build upon
STYLE = """text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}.small{fill:#59636e}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}}"""


def panel(best, batch, top):
    """Bars of one batch size, the fastest first, scaled by the slowest that is drawn whole."""
    chosen = sorted((row for key, row in best.items() if key[1] == "gradient" and key[3] == batch), key=report.median)
    # One very slow engine must not flatten the others: its bar is cut.
    middle = report.median(chosen[len(chosen) // 2])
    longest = max(m for m in map(report.median, chosen) if m <= 4 * middle)
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts = [f'<text class="head" x="{LEFT}" y="{top + 16}">batch {batch}: ms an image, logits and input gradient</text>']
    y = top + TOP - 6
    for row in chosen:
        ms = report.median(row)
        cut, length = ms > longest, min(ms, longest) * scale
        error = row["errors"]["gradient"]["median"]
        faint = ' fill-opacity="0.45"' if error > FAR_OFF else ""
        middle_y, weight = y + BAR / 2 + 4.5, ' class="head"' if row["peer"] == report.OURS else ""
        parts += [
            f'<text{weight} x="{LEFT - 8}" y="{middle_y}" text-anchor="end">{escape(row["peer"])} {escape(row["precision"])}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2" '
            f'fill="{OWN if row["peer"] == report.OURS else OTHER}"{faint}/>']
        if cut:
            x = LEFT + length - 14
            parts.append(f'<path d="M{x:.1f} {y + BAR + 2}l8 {-BAR - 4}" stroke="white" stroke-width="4"/>')
        parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{middle_y}">{ms:.0f} '
                     f'<tspan class="small">error {error:.0e}</tspan></text>')
        y += BAR + GAP
    return parts, y


def svg(found):
    best = report.best_modes(found)
    parts, y = [], 4
    for batch in sorted({key[3] for key in best if key[1] == "gradient"}):
        more, y = panel(best, batch, y)
        parts, y = parts + more, y + 8
    note = f"{found['processor']}, {found['threads']} threads, {found['date']}; error: relative L2 of the gradient against float64, pale where it is large"
    parts.append(f'<text class="small" x="8" y="{y + 12}">{escape(note)}</text>')
    height = y + 22
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"
