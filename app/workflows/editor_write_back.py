"""From values in API format back into the editor's own format: what is put into a picture, so that it opens as it ran.

write_back(converter, graph, {("3", "seed"): 7})            # a new file; the old one is left alone
prepare(converter, graph, values, now=…, choose=…)          # what to send, and the file to send along

A value is put where it lies in the file: into a node's list of values, a primitive, a subgraph node, or into the
subgraph, where all the nodes that stand for it have it from. What was written is read again before it is given out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.workflow import ApiWorkflow
from app.workflows.catalogue_inputs import DYNAMIC_COMBO
from app.workflows.editor_conversion import Conversion, Converter, Key
from app.workflows.editor_json import MISSING
from app.workflows.editor_nodes import LiveNode, Place
from app.workflows.editor_opening import control_of
from app.workflows.editor_problems import CannotWrite, WriteFault
from app.workflows.editor_texts import Choose, Moment, choose_first
from app.workflows.editor_widgets import Widget


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a submit takes: the workflow in API format, and the editor's file with the same values (`extra_pnginfo`)."""

    workflow: ApiWorkflow
    graph: dict[str, Any]


def prepare(
    converter: Converter,
    source: Mapping[str, Any] | Conversion,
    values: Mapping[Key, object],
    *,
    controls: Mapping[Key, str] | None = None,
    now: Moment | None = None,
    choose: Choose = choose_first,
) -> Prepared:
    """Write values in and convert; where a prompt left something to choose, the file has what was chosen."""
    graph = _written(converter, source, values, controls)
    conversion = converter.convert(graph, now=now, choose=choose)
    _check(conversion, values)
    if conversion.chosen:
        graph = _copy(graph)
        _Writer(conversion, graph).write(conversion.chosen, {})
    return Prepared(conversion.workflow, graph)


def write_back(
    converter: Converter,
    source: Mapping[str, Any] | Conversion,
    values: Mapping[Key, object],
    controls: Mapping[Key, str] | None = None,
) -> dict[str, Any]:
    """The file with these values, by (node id, input name), and the modes that change them, or CannotWrite.

    `source` may also be the file's conversion by this converter, if there is one already.
    """
    graph = _written(converter, source, values, controls)
    if values:
        _check(converter.convert(graph), values)
    return graph


def _written(
    converter: Converter,
    source: Mapping[str, Any] | Conversion,
    values: Mapping[Key, object],
    controls: Mapping[Key, str] | None,
) -> dict[str, Any]:
    conversion = source if isinstance(source, Conversion) else converter.convert(source)
    graph = _copy(conversion.source)
    _Writer(conversion, graph).write(values, controls or {})
    return graph


def _check(written: Conversion, values: Mapping[Key, object]) -> None:
    for key, value in values.items():
        place = written.places.get(key)
        if place is None or not _is_same(place[0].values[place[1]], value):
            raise _fault(key, WriteFault.NOT_KEPT)


def _is_same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _fault(key: Key, fault: WriteFault) -> CannotWrite:
    return CannotWrite("cannot-write", key[0], key[1], fault)


def _copy(source: Mapping[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(source))
    return copy


class _Writer:
    """Writes into one file, of which there is a conversion."""

    def __init__(self, conversion: Conversion, graph: dict[str, Any]) -> None:
        self._conversion = conversion
        self._graph = graph
        self._renewed: set[int] = set()  # nodes of the file whose values have been put in the present order

    def write(self, values: Mapping[Key, object], controls: Mapping[Key, str]) -> None:
        """Put all values in; two that lie in one place must be the same."""
        done: dict[tuple[str, str, int], object] = {}
        choices: list[tuple[int, LiveNode, object]] = []
        for key, value in values.items():
            node, index = self._owner(key)
            place = (node.level.key, node.node_id, index)
            if place in done and not _is_same(done[place], value):
                raise _fault(key, WriteFault.SHARED)
            done[place] = value
            if _brings_widgets(node, index):
                choices.append((index, node, value))
            else:
                self._put(node, index, value, key)
        for key, mode in controls.items():
            node, index = self._control(key)
            self._put(node, index, mode, key)
        # Choices last, and from the end: they make widgets come and go, and so move what lies behind them.
        for index, node, value in sorted(choices, key=lambda choice: -choice[0]):
            self._choose(node, self._raw(node), index, value)

    def _owner(self, key: Key) -> Place:
        place = self._conversion.places.get(key)
        if place is None:
            raise _fault(key, WriteFault.NO_SUCH_INPUT)
        return place[0].place(place[1])

    def _control(self, key: Key) -> Place:
        place = self._conversion.places.get(key)
        found = None if place is None else control_of(place)
        if found is None:
            raise _fault(key, WriteFault.NO_SUCH_INPUT)
        return found

    def _put(self, node: LiveNode, index: int, value: object, key: Key) -> None:
        raw = self._raw(node)
        if node.graph is not None:
            self._put_on_host(node, raw, index, value, key)
        elif node.layout is None:
            _put_at(raw, 0, value, "value")
        else:
            self._put_on_node(node, raw, index, value)

    def _raw(self, node: LiveNode) -> dict[str, Any]:
        """The node in the file that is written."""
        level: dict[str, Any] = self._graph
        for number in node.level.path:
            level = level["definitions"]["subgraphs"][number]
        found: dict[str, Any] = level["nodes"][node.level.places[node.index]]
        return found

    @staticmethod
    def _put_on_host(host: LiveNode, raw: dict[str, Any], slot: int, value: object, key: Key) -> None:
        at = host.kept.get(slot)
        if at is not None:
            _put_at(raw, at, value, host.input_names[slot])
            return
        aside = raw.get("properties", {}).get("proxyWidgetErrorQuarantine")
        for item in aside if isinstance(aside, list) else ():
            if isinstance(item, dict) and item.get("originalEntry", [])[:2] == ["-1", host.input_names[slot]]:
                item["hostValue"] = value
                return
        raise _fault(key, WriteFault.NOT_KEPT)

    def _put_on_node(self, node: LiveNode, raw: dict[str, Any], index: int, value: object) -> None:
        assert node.layout is not None
        name, at = node.widgets[index].name, node.layout.saved.index(index)
        given = raw.get("widgets_values")
        if isinstance(given, dict) and any(widget.name in given for widget in node.widgets):
            given[name] = value
            return
        is_usable = isinstance(given, list) and len(node.layout.saved) <= len(given) == len(node.saved)
        if not is_usable and id(raw) not in self._renewed:
            # What an older editor saved otherwise is saved as the present one does.
            self._renewed.add(id(raw))
            given = [None if node.values[i] is MISSING else node.values[i] for i in node.layout.saved]
            raw["widgets_values"] = json.loads(json.dumps(given))
        _put_at(raw, at, value, name)

    def _choose(self, node: LiveNode, raw: dict[str, Any], index: int, value: object) -> None:
        """Take another choice: its own widgets take the place of those that the last one brought."""
        assert node.layout is not None
        name, saved = node.widgets[index].name, node.layout.saved
        at = saved.index(index)
        current = [None if node.values[i] is MISSING else node.values[i] for i in saved]
        given = raw.get("widgets_values")
        if isinstance(given, list) and len(given) == len(current):
            current = given
        if _is_same(current[at], value):
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


def _put_at(raw: dict[str, Any], at: int, value: object, name: str) -> None:
    values = raw.get("widgets_values")
    if not isinstance(values, list):
        values = raw["widgets_values"] = []
    values += [None] * (at + 1 - len(values))
    values[at] = value
    named = raw.get("widgets_values_named")
    if isinstance(named, dict):
        named[name] = value
