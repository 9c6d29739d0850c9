"""HTML elements. All text is escaped here, and only here.

What is already markup has the type Markup; a plain str never enters a page unescaped.

    element("p", "5 < 6")            -> <p>5 &lt; 6</p>
    element("p", element("b", "x"))  -> <p><b>x</b></p>
"""

import html
import unicodedata

#: Up to this many characters the name of a row is not wrapped.
SHORT = 24
VOID = {"meta", "br", "link"}


class Markup(str):
    __slots__ = ()


def escaped(content):
    if isinstance(content, Markup):
        return content
    if content is None:
        return Markup("")
    if isinstance(content, (list, tuple)):
        return Markup("".join(escaped(one) for one in content))
    kept = "".join("\ufffd" if _is_control(c) else c for c in str(content))
    return Markup(html.escape(kept))


def _is_control(c):
    """Not allowed in HTML, or changes the reading direction of the text after it."""
    return c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs")


def element(tag, *content, **attributes):
    """Attributes: `class_`, `for_` lose the underscore, others get - for _; False, None: left out."""
    words = [tag]
    for name, value in attributes.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            words.append(name)
        elif value not in (None, False):
            words.append(f'{name}="{escaped(value)}"')
    opened = Markup(f"<{' '.join(words)}>")
    if tag in VOID:
        return opened
    return Markup(f"{opened}{escaped(content)}</{tag}>")


def lines(*parts):
    return Markup("\n".join(escaped(part) for part in parts if part))


def section(name, heading, *content):
    """The section, or None without content: the page has no empty sections."""
    content = [part for part in content if part]
    if not content:
        return None
    head = element("h2", heading, id=f"{name}-heading")
    return element("section", "\n", head, "\n", lines(*content), "\n", id=name, aria_labelledby=f"{name}-heading")


def paragraph(text, class_=None):
    return element("p", text, class_=class_) if text else None


class Table:
    """Rows under heads. The first `text` columns hold text; the others are aligned to the right."""

    def __init__(self, caption, heads, text=1, class_=None):
        self.caption, self.heads, self.text, self.class_ = caption, heads, text, class_
        self.rows = []

    def add(self, *cells):
        self.rows.append(cells)

    def markup(self):
        if not self.rows:
            return None
        head = element("tr", *(self._head(at, one) for at, one in enumerate(self.heads)))
        body = [element("tr", *(self._cell(at, one) for at, one in enumerate(row))) + "\n" for row in self.rows]
        table = element(
            "table",
            element("caption", self.caption),
            "\n",
            element("thead", head),
            "\n",
            element("tbody", "\n", *map(Markup, body)),
            class_=self.class_,
        )
        return element("div", table, class_="wide", role="region", aria_label=_plain(self.caption), tabindex="0")

    def _head(self, at, content):
        return element("th", content, scope="col", class_=self._kind(at))

    def _cell(self, at, content):
        if at == 0:
            short = len(str(content)) <= SHORT
            return element("th", content, scope="row", class_="short" if short else None)
        return element("td", content, class_=self._kind(at))

    def _kind(self, at):
        return None if at < self.text else "number"


def _plain(content):
    return content if not isinstance(content, Markup) else "table"


def table(caption, heads, rows, text=1, class_=None):
    made = Table(caption, heads, text, class_)
    for row in rows:
        made.add(*row)
    return made.markup()


def details(summary, *content, open_=False):
    content = [part for part in content if part]
    if not content:
        return None
    return element("details", element("summary", summary), "\n", lines(*content), open=open_)


def command(text):
    return element("pre", element("code", text), tabindex="0")


def notes(items, class_=None):
    items = [item for item in items if item]
    return element("ul", *(element("li", item) for item in items), class_=class_) if items else None
