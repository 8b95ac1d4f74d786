"""From values in API format back into the editor's own format: the file in a picture, which opens as it ran.

rewritten(converter, conversion, {("3", "seed"): 7}).source      # a new file; the old one is not changed

A value is written to its place in the file: a node's list of values, a primitive, a subgraph node, or the
subgraph, from which all nodes that represent it get it. The result is converted as a check before it is returned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.workflows.catalogue_inputs import DYNAMIC_COMBO
from app.workflows.editor.conversion import Conversion, Converter, Key
from app.workflows.editor.graph import copied
from app.workflows.editor.nodes import LiveNode, Place
from app.workflows.editor.opening import control_of
from app.workflows.editor.problems import CannotWrite, WriteFault
from app.workflows.editor.values import MISSING
from app.workflows.editor.widgets import Widget

ASIDE = "proxyWidgetErrorQuarantine"  # where a subgraph node keeps values that it has no widget for

Path = tuple[str | int, ...]  # the path to a value in a file: names and numbers


def rewritten(
    converter: Converter,
    conversion: Conversion,
    values: Mapping[Key, object],
    controls: Mapping[Key, str] | None = None,
) -> Conversion:
    """The file with these values, by (node id, input name), and the modes that change them: converted, or CannotWrite.

    The values are as the editor shows them. The new file is its `source`.
    """
    graph = copied(conversion.source)
    Writer(conversion, graph).write(values, controls or {})
    written = converter.convert(graph)
    check_written(written, values)
    return written


def check_written(written: Conversion, values: Mapping[Key, object]) -> None:
    """Raise CannotWrite for the first of these values that conversion of the written file does not return."""
    for key, value in values.items():
        place = written.places.get(key)
        if place is None or not is_same(place[0].values[place[1]], value):
            raise write_fault(key, WriteFault.NOT_KEPT)


def is_same(one: object, other: object) -> bool:
    """Whether two values of JSON are equal: `true` is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def write_fault(key: Key, fault: WriteFault) -> CannotWrite:
    """The error for one value."""
    return CannotWrite("cannot-write", key[0], key[1], fault)


class Writer:
    """Writes into one file that has been converted. `paths` has the places of the written values.

    Choices that bring widgets have no lasting path: they move what follows them.
    """

    def __init__(self, conversion: Conversion, graph: dict[str, Any]) -> None:
        self._conversion = conversion
        self._graph = graph
        self._renewed: set[int] = set()  # nodes of the file whose values were reordered as the present editor has them
        self.paths: dict[Key, tuple[Path, ...]] = {}

    def write(self, values: Mapping[Key, object], controls: Mapping[Key, str]) -> None:
        """Write all values; two that share one place must be equal."""
        done: dict[tuple[str, str, int], object] = {}
        choices: list[tuple[int, LiveNode, object]] = []
        for key, value in values.items():
            node, index = self._owner(key)
            place = (node.level.key, node.node_id, index)
            if place in done and not is_same(done[place], value):
                raise write_fault(key, WriteFault.SHARED)
            done[place] = value
            if _brings_widgets(node, index):
                choices.append((index, node, value))
            else:
                self.paths[key] = self._put(node, index, value, key)
        for key, mode in controls.items():
            node, index = self._control(key)
            self._put(node, index, mode, key)
        # Choices last, and from the end: they add and remove widgets, which moves the values that follow.
        for index, node, value in sorted(choices, key=lambda choice: -choice[0]):
            self._choose(node, self._raw(node), index, value)

    def _owner(self, key: Key) -> Place:
        place = self._conversion.places.get(key)
        if place is None:
            raise write_fault(key, WriteFault.NO_SUCH_INPUT)
        return place[0].place(place[1])

    def _control(self, key: Key) -> Place:
        place = self._conversion.places.get(key)
        found = None if place is None else control_of(place)
        if found is None:
            raise write_fault(key, WriteFault.NO_SUCH_INPUT)
        return found

    def _put(self, node: LiveNode, index: int, value: object, key: Key) -> tuple[Path, ...]:
        raw, way = self._raw(node), _way(node)
        if node.graph is not None:
            ways = self._put_on_host(node, raw, index, value, key)
        elif node.layout is None:
            ways = _put_at(raw, 0, value, "value")
        else:
            ways = self._put_on_node(node, raw, index, value)
        return tuple((*way, *rest) for rest in ways)

    def _raw(self, node: LiveNode) -> dict[str, Any]:
        """The node in the written file."""
        found: Any = self._graph
        for step in _way(node):
            found = found[step]
        raw: dict[str, Any] = found
        return raw

    @staticmethod
    def _put_on_host(host: LiveNode, raw: dict[str, Any], slot: int, value: object, key: Key) -> list[Path]:
        at = host.kept.get(slot)
        if at is not None:
            return _put_at(raw, at, value, host.input_names[slot])
        aside = raw.get("properties", {}).get(ASIDE)
        for number, item in enumerate(aside if isinstance(aside, list) else ()):
            if isinstance(item, dict) and item.get("originalEntry", [])[:2] == ["-1", host.input_names[slot]]:
                item["hostValue"] = value
                return [("properties", ASIDE, number, "hostValue")]
        raise write_fault(key, WriteFault.NOT_KEPT)

    def _put_on_node(self, node: LiveNode, raw: dict[str, Any], index: int, value: object) -> list[Path]:
        assert node.layout is not None
        name, at = node.widgets[index].name, node.layout.saved.index(index)
        given = raw.get("widgets_values")
        if isinstance(given, dict) and any(widget.name in given for widget in node.widgets):
            given[name] = value
            return [("widgets_values", name)]
        is_usable = isinstance(given, list) and len(node.layout.saved) <= len(given) == len(node.saved)
        if not is_usable and id(raw) not in self._renewed:
            # Values in an older editor's format are saved in the present one's.
            self._renewed.add(id(raw))
            raw["widgets_values"] = json.loads(json.dumps(_as_saved(node, node.layout.saved)))
        return _put_at(raw, at, value, name)

    def _choose(self, node: LiveNode, raw: dict[str, Any], index: int, value: object) -> None:
        """Change a choice: its own widgets replace those of the previous one."""
        assert node.layout is not None
        name, saved = node.widgets[index].name, node.layout.saved
        at = saved.index(index)
        current: list[object] = [None if node.values[i] is MISSING else node.values[i] for i in saved]
        given = raw.get("widgets_values")
        if isinstance(given, list) and len(given) == len(current):
            current = given
        if is_same(current[at], value):
            return
        layout = self._conversion.layouts.of(node.type, [*current[:at], value], ())
        assert layout is not None
        brought = [widget for widget in layout.widgets if widget.is_saved and _is_brought(widget, name)]
        rest = at + 1
        while rest < len(saved) and _is_brought(node.widgets[saved[rest]], name):
            rest += 1
        defaults = [None if widget.default is MISSING else widget.default for widget in brought]
        raw["widgets_values"] = [*current[:at], value, *defaults, *current[rest:]]
        raw.pop("widgets_values_named", None)


def _brings_widgets(node: LiveNode, index: int) -> bool:
    spec = node.widgets[index].spec if node.layout is not None else None
    return spec is not None and spec.type == DYNAMIC_COMBO


def _is_brought(widget: Widget, choice: str) -> bool:
    """Whether a widget comes with a choice: one of its inputs, or the mode of one."""
    return widget.name.startswith(f"{choice}.") or widget.controls.startswith(f"{choice}.")


def _way(node: LiveNode) -> Path:
    """The path to a node in the file."""
    inside = (step for number in node.level.path for step in ("definitions", "subgraphs", number))
    return (*inside, "nodes", node.level.places[node.index])


def _as_saved(node: LiveNode, saved: Sequence[int]) -> list[object]:
    """A node's values as the present editor saves them. Missing values at the end of the list are left out."""
    values = [node.values[index] for index in saved]
    while values and values[-1] is MISSING:
        values.pop()
    return [None if value is MISSING else value for value in values]


def _put_at(raw: dict[str, Any], at: int, value: object, name: str) -> list[Path]:
    values = raw.get("widgets_values")
    if not isinstance(values, list):
        values = raw["widgets_values"] = []
    values += [None] * (at + 1 - len(values))
    values[at] = value
    named = raw.get("widgets_values_named")
    if not isinstance(named, dict):
        return [("widgets_values", at)]
    named[name] = value
    return [("widgets_values", at), ("widgets_values_named", name)]
