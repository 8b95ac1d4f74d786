"""Odd JSON: any value, or a valid one in which one value was replaced by any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**5)
    | st.sampled_from([10**400, -(10**400), float("inf"), float("-inf"), float("nan"), 1e308, "", "p", "success"])
    | st.floats()
    | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def mutated(sound: Any) -> st.SearchStrategy[Any]:
    """`sound` with one or two of its values, at any depth, replaced or removed."""
    places = list(_places(sound))
    one = st.builds(_changed, st.just(sound), st.sampled_from(places), JSON, st.booleans())
    return one | st.builds(_with_value, one, st.sampled_from(places), JSON)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in items:
        yield from _places(child, (*path, name))


def _changed(value: Any, path: tuple[Any, ...], new: Any, is_gone: bool = False) -> Any:
    if not path:
        return new
    name, *rest = path
    if isinstance(value, dict):
        if is_gone and not rest:
            return {key: child for key, child in value.items() if key != name}
        return {**value, name: _changed(value.get(name), tuple(rest), new, is_gone)}
    if isinstance(value, list) and isinstance(name, int) and name < len(value):
        return [*value[:name], _changed(value[name], tuple(rest), new, is_gone), *value[name + 1 :]]
    return value


def _with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    return _changed(value, path, new)
