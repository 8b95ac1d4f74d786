"""Compares graphs as JavaScript does: numbers by their value, since it has only one type of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any


def is_same(ours: object, theirs: object) -> bool:
    """Whether two JSON values are equal in JavaScript: 1 is 1.0, and whole numbers have 53 bits."""
    match ours, theirs:
        case bool(), _:
            return ours is theirs
        case ((int() | float()), (int() | float())):
            return not isinstance(theirs, bool) and float(ours) == float(theirs)
        case dict(), dict():
            return ours.keys() == theirs.keys() and all(is_same(ours[key], theirs[key]) for key in ours)
        case list(), list():
            return len(ours) == len(theirs) and all(map(is_same, ours, theirs))
    return ours == theirs


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], untitled: Collection[str] = ()) -> Iterator[str]:
    """Yield each difference of two graphs in API format. Nodes of `untitled` classes may have the editor's title."""
    for node_id in sorted(ours.keys() | theirs.keys()):
        if node_id not in ours or node_id not in theirs:
            yield f"{node_id}: only {'theirs' if node_id in theirs else 'ours'}"
            continue
        one, other = ours[node_id], theirs[node_id]
        kind, meta, named = one["class_type"], dict(one["_meta"]), dict(other["_meta"])
        if kind in untitled and meta["title"] == kind:
            del meta["title"], named["title"]
        if kind != other.get("class_type") or meta != named:
            yield f"{node_id}: {kind} {meta} is {other.get('class_type')} {named}"
        for name in sorted(one["inputs"].keys() | other["inputs"].keys()):
            values = [inputs.get(name, "(nothing)") for inputs in (one["inputs"], other["inputs"])]
            if not is_same(*values):
                yield f"{node_id} {kind}.{name}: {values[0]!r} is {values[1]!r}"
