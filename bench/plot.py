# SPDX-License-Identifier: MIT
"""plot.py - a kept result file as a bar chart in SVG."""
import math
import os

from rows import ROWS


def read_results(path):
    """{(case, impl, workers): median} of a kept file."""
    medians = {}
    with open(path) as f:
        for line in f:
            if not line.startswith("#") and line.strip():
                c = line.rstrip("\n").split("\t")
                medians[c[1], c[2], int(c[3])] = float(c[5])
    return medians


def svg_bars(bars, title):
    """Horizontal bars on a logarithmic scale; the stroke is the target."""
    left, width, step = 190, 560, 16
    top = math.log10(max(max(b[1] for b in bars), 10) * 1.3)
    low = math.log10(min(min(b[1] for b in bars), 1) * 0.8)

    def x(v):
        return left + width * (math.log10(v) - low) / (top - low)
    height = 60 + step * len(bars)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif" font-size="11">' %
           (left + width + 60, height),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="18" font-size="13">%s</text>' % title]
    for tick in (0.5, 1, 2, 5, 10, 20, 50, 100):
        if low <= math.log10(tick) <= top:
            out.append('<line x1="%.1f" y1="30" x2="%.1f" y2="%d" '
                       'stroke="%s"/><text x="%.1f" y="%d" '
                       'text-anchor="middle">%gx</text>' %
                       (x(tick), x(tick), height - 22,
                        "black" if tick == 1 else "#ddd", x(tick),
                        height - 8, tick))
    for i, (label, ratio, target) in enumerate(bars):
        y = 34 + step * i
        met = target is None or ratio >= target
        a, b = sorted((x(1), x(ratio)))
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>'
                   '<rect x="%.1f" y="%d" width="%.1f" height="11" '
                   'fill="%s"/><text x="%.1f" y="%d">%.1f</text>' %
                   (left - 6, y + 10, label, a, y, max(b - a, 1),
                    "#3a7d44" if met else "#c8553d", b + 4, y + 10, ratio))
        if target:
            out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" '
                       'stroke="black" stroke-width="2"/>' %
                       (x(target), y - 1, x(target), y + 12))
    return "\n".join(out + ["</svg>", ""])


def plot(results, directory):
    """Draws the ratios of a kept file; gives the path of the SVG."""
    medians, bars = read_results(results), []
    for r in ROWS:
        for workers in sorted(r.targets):
            ours = medians.get((r.name, "weft", workers))
            peer = medians.get((r.name, "go", workers))
            if ours and peer and ours > 0 and peer > 0 and r.is_cost:
                target = r.targets[workers] \
                    if r.kind == "ratio" and r.peer == "go" else None
                bars.append(("%s P%d" % (r.name, workers), peer / ours,
                             target))
    if not bars:
        raise ValueError("%s has no row with both weft and Go" % results)
    stem = os.path.splitext(os.path.basename(results))[0]
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, stem + ".svg")
    with open(path, "w") as f:
        f.write(svg_bars(bars, "Go / weft, medians; stroke: target (%s)" %
                         stem))
    return path
