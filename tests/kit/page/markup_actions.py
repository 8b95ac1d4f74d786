"""The actions that the page's code declares, and a check of markup against them, whatever has rendered it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser

import app.ui
from app.ui.kit.actions import Action, ActionError, InvalidFacts, opening
from app.ui.page.projection import OPENINGS

EVENTS = ("action", "change", "input", "enter", "drag")
DROPPED = frozenset({"beside", "isAfter", "node", "name"})  # where a row or a file was dropped: JavaScript adds them
TAG = re.compile(rf"<[a-z][^<>]*\sdata-(?:{'|'.join(EVENTS)})=[^<>]*>")


@cache
def declared() -> dict[str, Action]:
    """Return every action that is declared below `app/ui`, by its name."""
    found: dict[str, Action] = {}
    for module in pkgutil.walk_packages(app.ui.__path__, "app.ui."):
        for owner in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(owner) and owner.__module__ == module.name:
                for method in vars(owner).values():
                    if isinstance(item := getattr(method, "action", None), Action):
                        found[item.name] = item
    return found | {name: opening(name, kind) for name, kind in OPENINGS.items()}


class _Attributes(HTMLParser):
    """The attributes of one tag."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.name, self.found = "", dict[str, str | None]()
        self.feed(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.name, self.found = tag, dict(attrs)


def fact_of(attribute: str) -> str:
    """Return the name of a fact as the browser's `dataset` has it: data-prompt-id is promptId."""
    first, *others = attribute.removeprefix("data-").split("-")
    return first + "".join(item.title() for item in others)


@cache
def problem(tag: str) -> str:
    """Return what is wrong with the actions that a tag names, or with the facts that it carries for them."""
    read = _Attributes(tag)
    facts: dict[str, str | bool] = {
        fact_of(name): value or "" for name, value in read.found.items() if name.startswith("data-")
    }
    for event in EVENTS:
        name = facts.get(event)
        if not isinstance(name, str) or not name:
            continue
        action = declared().get(name)
        if action is None:
            return f"no action {name!r}: {tag}"
        given = {**facts, "value": read.found.get("value") or "", "checked": "checked" in read.found}
        for item in action.parameters:
            if (event == "drag" and item.fact in DROPPED) or (item.fact == "value" and read.name == "select"):
                continue  # its options have the values
            try:
                if item.fact in given:
                    item.read(name, given[item.fact])
                elif item.is_required:
                    raise InvalidFacts(name, item.fact, None, item.kind.__name__)
            except ActionError as error:
                return f"{error!r}: {tag}"
    return ""


def problems(markup: str) -> Iterator[str]:
    """Return the problems of all tags of a markup."""
    if "data-" in markup:
        yield from filter(None, (problem(found[0]) for found in TAG.finditer(markup)))
