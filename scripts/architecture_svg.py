#!/usr/bin/env python3
"""Draws docs/architecture.svg: the parts of the repository and the data that flows between them."""
import html
import pathlib

OUT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "architecture.svg"
STYLE = """
  text { fill: #1b2030; font: 14px system-ui, sans-serif } .small { font-size: 12px; fill: #566077 }
  .title { font-weight: 600 } .page { fill: #ffffff } .group { fill: #f3f5fa; stroke: #c3cbdd }
  .box { fill: #ffffff; stroke: #3454d1; stroke-width: 1.5 } .data { fill: #e8edff; stroke: #3454d1; stroke-dasharray: 4 3 }
  .way { fill: none; stroke: #3454d1; stroke-width: 1.8; marker-end: url(#tip) } #tip path { fill: #3454d1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8ebf4 } .small { fill: #a7b0c6 } .page { fill: #12151d } .group { fill: #1a1f2b; stroke: #3a4358 }
    .box { fill: #12151d; stroke: #8ea4ff } .data { fill: #232c4d; stroke: #8ea4ff }
    .way { stroke: #8ea4ff } #tip path { fill: #8ea4ff }
  }
"""


class Drawing:
    def __init__(self, width, height):
        self.width, self.height, self.parts = width, height, []

    def text(self, x, y, words, kind="", anchor="start"):
        self.parts.append(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{html.escape(words)}</text>')

    def group(self, x, y, w, h, title, note=""):
        self.parts.append(f'<rect class="group" x="{x}" y="{y}" width="{w}" height="{h}" rx="10"/>')
        self.text(x + 14, y + 24, title, "title")
        self.text(x + w - 14, y + 24, note, "small", "end")

    def box(self, x, y, w, name, note="", kind="box", h=52):
        self.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}" rx="7"/>')
        middle = x + w / 2
        self.text(middle, y + (22 if note else h / 2 + 5), name, "title" if kind == "box" else "", "middle")
        if note:
            self.text(middle, y + 41, note, "small", "middle")

    def way(self, path):
        self.parts.append(f'<path class="way" d="{path}"/>')

    def svg(self):
        body = "\n".join("  " + part for part in self.parts)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" '
                f'aria-label="Modules of headerroute and the data that flows between them">\n'
                f'  <!-- drawn by scripts/architecture_svg.py -->\n  <style>{STYLE}  </style>\n'
                '  <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
                'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>\n'
                f'  <rect class="page" width="{self.width}" height="{self.height}" rx="12"/>\n{body}\n</svg>\n')


def programs(d):
    d.group(20, 20, 920, 100, "Programs and bindings", "public headers only")
    for i, (name, note) in enumerate([("headerroute", "command line"), ("Python", "headerroute, grabcut"),
                                      ("gateway", "routes requests"), ("proxy", "one hop"),
                                      ("predict", "cuts images"), ("request", "client")]):
        d.box(36 + 150 * i, 54, 138, name, note)


def libheaderroute(d):
    d.group(20, 140, 920, 306, "libheaderroute/src", "base/ serves every module")
    d.text(36, 188, "load", "small")
    for i, (name, note, kind) in enumerate([("text", "", "data"), ("yaml/", "nodes, places", "box"),
                                            ("spec/", "fields, checks", "box"), ("mesh/", "services, names", "box"),
                                            ("compile/", "rules in order, index", "box"), ("view", "", "data")]):
        d.box(36 + 150 * i, 198, 138, name, note, kind)
        if i:
            d.way(f"M{36 + 150 * i - 12} 224h10")
    d.text(36, 282, "decide", "small")
    for i, (name, note, kind) in enumerate([("request", "", "data"), ("route/", "match, rewrite, trace", "box"),
                                            ("decision", "", "data"), ("balance/", "ring, weights", "box"),
                                            ("endpoint", "", "data")]):
        d.box(36 + 150 * i, 292, 138, name, note, kind)
        if i:
            d.way(f"M{36 + 150 * i - 12} 318h10")
    d.way("M855 250v21H255v19")  # the view is what route/ reads
    d.text(36, 374, "report", "small")
    d.box(336, 380, 138, "report/", "JSON", h=52)
    d.way("M405 344v34")
    d.box(486, 380, 138, "lint/", "warnings")
    d.text(640, 410, "reads mesh/ and spec/, called by load/", "small")


def libgrabcut(d):
    d.group(20, 466, 920, 100, "libgrabcut/src")
    for i, (name, note, kind) in enumerate([("image file", "", "data"), ("probe", "size limits", "box"),
                                            ("decode", "BGR pixels", "box"), ("engine", "models, min-cut", "box"),
                                            ("cut-out, encode", "PNG, JPEG", "box"), ("image file", "", "data")]):
        d.box(36 + 150 * i, 500, 138, name, note, kind)
        if i:
            d.way(f"M{36 + 150 * i - 12} 526h10")


def services(d):
    d.group(20, 586, 920, 100, "services", "base/ serves every module; jobs/ runs the work of predict")
    for i, (name, note, kind) in enumerate([("client's bytes", "", "data"), ("net/", "loop, sockets, TLS", "box"),
                                            ("http/", "HTTP/1.1, HTTP/2", "box"), ("server/", "exchange, limits", "box"),
                                            ("relay/", "body, answer, tunnel", "box"), ("client/", "upstream pools", "box")]):
        d.box(36 + 150 * i, 620, 138, name, note, kind)
        if i:
            d.way(f"M{36 + 150 * i - 12} 646h10")


def draw():
    drawing = Drawing(960, 706)
    programs(drawing)
    libheaderroute(drawing)
    libgrabcut(drawing)
    services(drawing)
    return drawing.svg()


def main():
    OUT.write_text(draw())


if __name__ == "__main__":
    main()
