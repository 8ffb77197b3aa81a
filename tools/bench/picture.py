# SPDX-License-Identifier: LGPL-2.1-or-later
"""One quantity of a part as bars, for the README."""
from xml.sax.saxutils import escape

WIDTH, LEFT, ROW, TOP = 720, 190, 30, 44


def is_ours(name):
    return name.startswith("lanloom")


def bars(part, quantity, title):
    """An SVG: a bar for each way's median, a line from the least to the most. Ours first, then the fastest."""
    ways = {name: figures[quantity] for name, figures in part["ways"].items() if quantity in figures}
    ways = dict(sorted(ways.items(), key=lambda way: (not is_ours(way[0]), way[0] if is_ours(way[0]) else "", -way[1]["median"])))
    scale = (WIDTH - LEFT - 110) / max(figure["most"] for figure in ways.values())
    height = TOP + ROW * len(ways) + 10
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
           f'font-size="13"><rect width="{WIDTH}" height="{height}" fill="#fff"/>')
    yield f'<text x="10" y="24" font-size="15">{escape(title)}</text>'
    for i, (name, figure) in enumerate(ways.items()):
        y, end = TOP + ROW * i, LEFT + figure["median"] * scale
        colour = "#1f6f8b" if is_ours(name) else "#b8b8b8"
        yield f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect x="{LEFT}" y="{y + 2}" width="{end - LEFT:.1f}" height="18" fill="{colour}"/>'
        yield (f'<path d="M{LEFT + figure["least"] * scale:.1f} {y + 11}H{LEFT + figure["most"] * scale:.1f}" '
               'stroke="#333"/>')
        yield (f'<text x="{LEFT + figure["most"] * scale + 6:.1f}" y="{y + 15}">'
               f'{figure["median"]:.3g} {escape(figure["unit"])}</text>')
    yield "</svg>"
