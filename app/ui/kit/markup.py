"""What templates write: escaped text, and the page's own markup (`gateway/page/templates.py`).

A view has thousands of texts, so markup is made without `Markup`'s constructor and its `escape`, which are Python.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from markupsafe import Markup

as_markup: Callable[[str], Markup] = partial(str.__new__, Markup)


def escaped(value: str | int) -> str:
    """Return a text or number as markup. None and floats are mistakes, which mypy finds."""
    if type(value) is not str:
        if isinstance(value, Markup):
            return value
        value = str(value)
    if not ("&" in value or "<" in value or ">" in value or '"' in value or "'" in value):  # as nearly always
        return value
    return (
        value.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&#34;")
        .replace("'", "&#39;")
    )


def attributes(facts: dict[str, str]) -> Markup:
    """Return the attributes of an element, each after a space."""
    return as_markup("".join([f' {name}="{escaped(value)}"' for name, value in facts.items()]))


def data(facts: dict[str, str]) -> Markup:
    """Return the `data-…` attributes of an element."""
    return attributes({f"data-{name.replace('_', '-')}": value for name, value in facts.items()})
