"""gnuplot's output as an SVG with a light and a dark form.

gnuplot writes colours; a page that may be light or dark needs classes. gnuplot drew in stand-ins
(palette.py), each of which becomes class="kNN", with the light colour as an attribute for viewers
without style sheets. Markers are written out instead of referenced by id: several SVGs share one
page, where an id must be unique. Nothing else of gnuplot's output is kept.

    svg.Drawing.of(plot, text).inline() -> for the page, whose style sheet gives the colours
    svg.Drawing.of(plot, text).alone()  -> a separate file, light or dark as its viewer is
"""

import dataclasses
import re
from html import escape
from xml.etree import ElementTree

from . import palette

_NAME = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_RGB = re.compile(r"rgb\(\s*0,\s*0,\s*(\d+)\)")
_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
#: gnuplot's point types that palette.SHAPES uses, with radius 1 around the origin.
_MARKS = {
    7: "M-1,0a1,1 0 1,0 2,0a1,1 0 1,0 -2,0z",
    5: "M-.9,-.9h1.8v1.8h-1.8z",
    9: "M0,-1.3L1.2,.8H-1.2z",
    11: "M0,1.3L1.2,-.8H-1.2z",
    13: "M0,-1.35L1.35,0L0,1.35L-1.35,0z",
}
_MARKS |= {6: _MARKS[7], 4: _MARKS[5], 12: _MARKS[13], 8: _MARKS[9], 10: _MARKS[11]}
_OPEN = {4, 6, 8, 10, 12}


@dataclasses.dataclass(frozen=True)
class Drawing:
    name: str
    title: str
    about: str
    width: int
    height: int
    body: str

    @staticmethod
    def of(plot, text):
        root = ElementTree.fromstring(text)
        _, _, width, height = map(float, root.get("viewBox").split())
        body = "".join(_elements(root))
        return Drawing(plot.name, plot.title, plot.about, int(width), int(height), body)

    def inline(self):
        return self._whole(f"{self.name}-plot", "")

    def alone(self):
        style = (
            f"text{{font-family:{_FONTS}}}"
            f".paper{{fill:{palette.LIGHT[palette.PAPER]}}}"
            + palette.rules(palette.LIGHT)
            + "@media (prefers-color-scheme:dark){"
            + f".paper{{fill:{palette.DARK[palette.PAPER]}}}"
            + palette.rules(palette.DARK)
            + "}"
        )
        paper = palette.LIGHT[palette.PAPER]
        ground = (
            f"<style>{style}</style>"
            f'<rect class="paper" width="{self.width}" height="{self.height}" rx="6" '
            f'fill="{paper}"/>'
        )
        size = f' width="{self.width}" height="{self.height}"'
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n' + self._whole("plot", ground, size) + "\n"
        )

    def _whole(self, mark, ground, size=""):
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}"'
            f'{size} role="img" aria-labelledby="{mark}-title {mark}-about" '
            f'font-family="sans-serif">'
            f'<title id="{mark}-title">{escape(self.title)}</title>'
            f'<desc id="{mark}-about">{escape(self.about)}</desc>{ground}\n{self.body}</svg>'
        )


def _elements(root):
    for node, group in _leaves(root, {}):
        tag = node.tag.removeprefix(_NAME)
        if tag == "path":
            yield _path(node, group)
        elif tag == "use":
            yield _mark(node)
        elif tag == "text" and (node.text or "").strip():
            yield _text(node, group)


def _leaves(node, group):
    """The drawing elements, each with the attributes of the groups around it."""
    for child in node:
        tag = child.tag.removeprefix(_NAME)
        if tag == "g":
            yield from _leaves(child, group | child.attrib)
        elif tag in ("path", "use", "text"):
            yield child, group


def _colour(words):
    found = _RGB.search(words or "")
    meaning = int(found[1]) if found else palette.INK
    meaning = meaning if meaning in palette.LIGHT else palette.INK
    return f'class="k{meaning}" color="{palette.LIGHT[meaning]}"'


def _path(node, group):
    stroke = node.get("stroke") or group.get("stroke")
    way = " ".join(node.get("d").split())
    if not re.search(r"[Ll]|M\S+ [^ML]", way):  # a border that is not drawn
        return ""
    dashes = node.get("stroke-dasharray")
    more = f' stroke-dasharray="{escape(dashes)}"' if dashes else ""
    width = float(group.get("stroke-width") or 1)
    return (
        f'<path {_colour(stroke)} fill="none" stroke="currentColor" stroke-width="{width:g}" '
        f'stroke-linejoin="round"{more} d="{escape(way)}"/>\n'
    )


def _mark(node):
    kind = int(node.get(_LINK).removeprefix("#gpPt")) + 1
    place, size = re.match(r"translate\(([^)]*)\) scale\(([^)]*)\)", node.get("transform")).groups()
    fill = "none" if kind in _OPEN else "currentColor"
    width = 1.4 / max(float(size), 0.1)
    line = f' stroke="currentColor" stroke-width="{width:.3g}"' if kind in _OPEN else ""
    return (
        f'<path {_colour(node.get("color"))} fill="{fill}"{line} '
        f'transform="translate({place}) scale({size})" d="{_MARKS.get(kind, _MARKS[7])}"/>\n'
    )


def _text(node, group):
    x, y = re.match(r"translate\(([^,]*),([^)]*)\)", group["transform"]).groups()
    bold = group.get("font-family", "").endswith(":Bold")
    weight = ' font-weight="600"' if bold else ""
    size = f"{float(group['font-size']):g}"
    return (
        f'<text x="{x}" y="{y}" {_colour(group.get("fill"))} fill="currentColor" '
        f'font-size="{size}"{weight} text-anchor="{group.get("text-anchor", "start")}">'
        f"{escape(node.text.strip())}</text>\n"
    )
