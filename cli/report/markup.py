"""Builds HTML in which text from outside cannot become markup: only `text` makes Html of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NewType

Html = NewType("Html", str)

NOTHING: Final = Html("")

# Control characters break a page; direction marks make one market's name look like another's.
_UNSAFE: Final = {
    code: "\ufffd"
    for code in (
        *(code for code in range(0x20) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        *range(0x200E, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    )
}


_AMOUNT: Final = re.compile(r"([+−]?\$\d[\d,.]*\d|(?:[<>] )?\d[\d.]* %)")


def plain(value: str) -> str:
    """`value` without characters that are invisible and change what is around them."""
    return value.translate(_UNSAFE)


def text(value: str) -> Html:
    return Html(escape(plain(value), quote=True))


def prose(value: str) -> Html:
    """Text of a sentence, whose amounts and shares are not torn apart at the end of a line."""
    parts = _AMOUNT.split(value)
    return join(
        element("span", text(part), class_="amount") if position % 2 else text(part)
        for position, part in enumerate(parts)
    )


def join(parts: Iterable[Html]) -> Html:
    return Html("".join(parts))


def element(name: str, *children: Html, **attributes: str) -> Html:
    """`element("td", text("1"), class_="number")`; `_` in an attribute's name becomes `-`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{written}>{''.join(children)}</{name}>")


def paragraph(value: str, class_: str = "note") -> Html:
    return element("p", prose(value), class_=class_)


def bullets(values: Iterable[str]) -> Html:
    return element("ul", *(element("li", prose(value)) for value in values))


def code(value: str) -> Html:
    return element("code", text(value))


class Column(str):
    """A column's heading; words are set left."""

    __slots__ = ()
    cell_class = "words"


class Figures(Column):
    """The heading of a column of numbers, set right so that digits line up."""

    __slots__ = ()
    cell_class = "number"


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Html]]) -> Html:
    """A table whose first column names its rows, in a box that scrolls when it is large."""
    head = join(
        element("th", text(column), scope="col", class_=column.cell_class) for column in columns
    )
    body = join(_row(columns, row) for row in rows)
    written = element(
        "table",
        element("caption", text(caption)),
        element("thead", element("tr", head)),
        element("tbody", body),
    )
    return element("div", written, class_="scroll", tabindex="0", role="group", aria_label=caption)


def _row(columns: Sequence[Column], row: Sequence[Html]) -> Html:
    first = element("th", row[0], scope="row", class_=columns[0].cell_class)
    rest = (
        element("td", cell, class_=column.cell_class)
        for column, cell in zip(columns[1:], row[1:], strict=True)
    )
    return element("tr", first, *rest)


def section(identity: str, title: str, *children: Html) -> Html:
    heading = element("h2", text(title), id=f"{identity}-title")
    return element("section", heading, *children, id=identity, aria_labelledby=f"{identity}-title")
