"""What templates write: escaped text, and the page's own markup (`gateway/page/templates.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from markupsafe import Markup, escape


class HasMarkup(Protocol):
    def __html__(self) -> str: ...


# Text as markup. None and floats are mistakes, which mypy finds.
escaped: Callable[[str | int | HasMarkup], Markup] = escape


def attributes(facts: dict[str, str]) -> Markup:
    """Return the attributes of an element, each after a space."""
    return Markup("".join(f' {name}="{escape(value)}"' for name, value in facts.items()))


def data(facts: dict[str, str]) -> Markup:
    """Return the `data-…` attributes of an element."""
    return attributes({f"data-{name.replace('_', '-')}": value for name, value in facts.items()})
