"""Hints for a form in the editor's own file, besides the graph that is sent.

hints = hints_of(conversion)
form = build_form(conversion.workflow, catalogue, hints)
Sender(converter, conversion).prepare(form.values(texts), …)      # what to send, and the file to send along
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.workflows.editor.conversion import Conversion, control_word, file_place
from app.workflows.forms.fields import SeedMode
from app.workflows.forms.form import Hints, NodeHint
from app.workflows.graph import Key

_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
_MODES = {mode.value: mode for mode in SeedMode}
_LONGEST = 200  # characters of a group's title

Area = tuple[float, float, float, float]  # left, top, width, height


def hints_of(conversion: Conversion) -> Hints:
    """Values as the editor shows them, which of them are shared, modes of seeds, colours and groups."""
    leaders: dict[tuple[str, str, int], Key] = {}
    shared: dict[Key, Key] = {}
    seeds: dict[Key, SeedMode] = {}
    values: dict[Key, object] = {}
    for key, place, inside in conversion.shown():
        values[key] = place[0].values[place[1]]
        control = control_word(inside)
        if control in _MODES:
            seeds[key] = _MODES[control]
        leader = leaders.setdefault(file_place(place), key)
        if leader != key:
            shared[key] = leader
    return Hints(dict(_nodes(conversion.source)), seeds, values, shared)


def _nodes(source: Mapping[str, Any]) -> Iterator[tuple[str, NodeHint]]:
    """Those of the top level; nodes inside a subgraph have no colour and position there."""
    groups = list(_groups(source))
    nodes = source.get("nodes")
    for raw in nodes if isinstance(nodes, list) else ():
        if not isinstance(raw, Mapping):
            continue
        colour = raw.get("bgcolor") or raw.get("color")
        known = colour if isinstance(colour, str) and _COLOUR.fullmatch(colour) else ""
        if known or groups:
            yield str(raw.get("id")), NodeHint(colour=known, group=_group(raw.get("pos"), groups))


def _groups(source: Mapping[str, Any]) -> Iterator[tuple[str, Area]]:
    groups = source.get("groups")
    for raw in groups if isinstance(groups, list) else ():
        title = raw.get("title") if isinstance(raw, Mapping) else None
        bounds = raw.get("bounding") if isinstance(raw, Mapping) else None
        match bounds:
            case [int() | float() as x, int() | float() as y, int() | float() as w, int() | float() as h]:
                if isinstance(title, str):
                    yield title[:_LONGEST], (x, y, w, h)


def _group(place: object, groups: list[tuple[str, Area]]) -> str:
    """The smallest group around a node: groups may be nested."""
    match place:
        case [int() | float() as x, int() | float() as y, *_]:
            pass
        case {"0": int() | float() as x, "1": int() | float() as y}:  # as very old files have it
            pass
        case _:
            return ""
    around = [
        (width * height, title)
        for title, (left, top, width, height) in groups
        if left <= x <= left + width and top <= y <= top + height
    ]
    return min(around, default=(0.0, ""))[1]
