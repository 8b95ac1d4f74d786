"""From the editor's own format to API format: exactly what the editor itself would send.

converter = Converter(catalogue)                    # the layouts of the server's classes are kept with the catalogue
conversion = converter.convert(graph)               # a parsed file of the editor; CannotConvert has the problems
conversion.output                                   # {"3": {"class_type": …, "inputs": …, "_meta": …}}
conversion.fields[("3", "seed")].value              # what the user may change, as the editor shows it

`output` is what is sent: choices in prompts are made (the first one, or by `choose`), dates in file names filled in (by
`now`). `fields` is what the file has, by the node id and input that it goes to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.core.model import NodeId
from app.core.workflow import MAX_NODES, ApiWorkflow, WorkflowNode, parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.catalogue_inputs import InputSpec
from app.workflows.editor.app_mode import app_outputs
from app.workflows.editor.broadcasts import SENDER_BY_PATTERNS, add_broadcasts
from app.workflows.editor.flow import Flow, FlowOutput, Scope, problem_of
from app.workflows.editor.graph import read_editor_file
from app.workflows.editor.layout import Layouts
from app.workflows.editor.nodes import VIRTUAL, LiveNode, Place
from app.workflows.editor.opening import Opened, innermost, open_file
from app.workflows.editor.problems import Problem, Reason, refuse
from app.workflows.editor.replacing import with_replacements
from app.workflows.editor.texts import Choose, Moment, choose_first, fill_patterns, resolve_prompt
from app.workflows.editor.values import MISSING, as_text, pack_facts
from app.workflows.editor.widgets import Style, first_view

Key = tuple[str, str]  # a node's id and an input's name, in API format


@dataclass(frozen=True, slots=True)
class EditableValue:
    """One value that the user may change. Inputs with the same `place` get it from one place in the file.

    `value` is as the editor shows it: a prompt with its choices, a file name with its patterns. `control` is the mode
    that changes it after each run (fixed, randomize …), empty if there is none. `spec` describes the inner input.
    """

    key: Key
    value: object
    place: tuple[str, str, int]
    control: str
    spec: InputSpec | None


@dataclass(frozen=True)
class Conversion:
    """What is sent, and where it comes from."""

    source: Mapping[str, Any]
    opened: Opened
    output: dict[str, dict[str, Any]]
    places: Mapping[Key, Place]
    chosen: Mapping[Key, str]  # prompts whose sent text differs from the file's
    layouts: Layouts
    looked_up: Mapping[tuple[str, str], Place | None]  # what file names have taken from other nodes: (node, widget)
    is_replaced: bool = False  # whether `source` is the file with nodes of classes that the server replaces

    @cached_property
    def workflow(self) -> ApiWorkflow:
        """What is sent, as a workflow of the core; BadInput if nothing is left to send."""
        if not self.output:
            return parse_workflow(self.output)
        # As `parse_workflow` would return it: valid by construction, and parsing it would cost as much as the rest.
        nodes = {
            node_id: WorkflowNode(NodeId(node_id), node["class_type"], node["_meta"]["title"])
            for node_id, node in self.output.items()
        }
        return ApiWorkflow(json.dumps(self.output, ensure_ascii=False), nodes)

    @cached_property
    def fields(self) -> Mapping[Key, EditableValue]:
        """The values that the user may change."""
        return {key: _field(key, place, inside) for key, place, inside in self.shown()}

    def shown(self) -> Iterator[tuple[Key, Place, Place]]:
        """Each value that the user may change: its key, its place in the file, and the widget that shows it."""
        for key in self.places:
            if (found := self.shown_at(key)) is not None:
                yield key, *found

    def shown_at(self, key: Key) -> tuple[Place, Place] | None:
        """The place of an input's value, and the widget that shows it; None if the user may not change it."""
        place = self.places.get(key)
        if place is None:
            return None
        node, index = place
        inside = place if node.graph is None and index < len(node.widgets) else innermost(place)
        return (place, inside) if inside is not None and inside[0].widgets[inside[1]].is_value else None


class Converter:
    """Converts workflows for one server's catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._layouts = catalogue.derived(Layouts)

    def convert(
        self, source: Mapping[str, Any], *, now: Moment | None = None, choose: Choose = choose_first
    ) -> Conversion:
        """Convert a parsed file; BadInput if it is not one of the editor's, CannotConvert if it cannot be converted."""
        file = read_editor_file(source)
        if (renewed := with_replacements(source, self._catalogue)) is not None:
            source, file = renewed, read_editor_file(renewed)
        opened = open_file(file, self._layouts)
        add_broadcasts(opened, self._layouts, source)
        sending = _Sending(opened, self._layouts, now, choose, tuple(app_outputs(source)))
        return Conversion(
            source,
            opened,
            sending.output(),
            sending.places,
            sending.chosen,
            self._layouts,
            sending.looked_up,
            is_replaced=renewed is not None,
        )


@dataclass(slots=True)
class _Sending:
    """Converts one workflow."""

    opened: Opened
    layouts: Layouts
    now: Moment | None
    choose: Choose
    first: tuple[str, ...]  # the output nodes of the app mode
    places: dict[Key, Place] = field(default_factory=dict)
    chosen: dict[Key, str] = field(default_factory=dict)
    looked_up: dict[tuple[str, str], Place | None] = field(default_factory=dict)
    flow: Flow = field(default_factory=Flow)
    problems: list[Problem] = field(default_factory=list)

    def output(self) -> dict[str, dict[str, Any]]:
        """Return all nodes that are sent, each with its values and links. The outputs of the app mode come first."""
        sent: list[tuple[Scope, LiveNode]] = []
        for scope, node in self._used():
            if node.is_active and not node.is_virtual:
                if node.layout is None:
                    self.problems.append(self._unknown(scope, node))
                sent.append((scope, node))
        if self.problems:
            raise refuse(*self.problems)
        output = {f"{scope.prefix}{node.node_id}": self._sent(scope, node) for scope, node in sent}
        output = {node_id: output[node_id] for node_id in (*self.first, *output) if node_id in output}
        if self.problems:
            raise refuse(*self.problems)
        for entry in output.values():
            inputs = entry["inputs"]
            for name in [name for name, value in inputs.items() if type(value) is list and value[0] not in output]:
                del inputs[name]
        return output

    def _used(self) -> list[tuple[Scope, LiveNode]]:
        """Every node with its scope; nodes inside muted and bypassed subgraphs of the root are left out."""
        found: list[tuple[Scope, LiveNode]] = []
        scopes = [Scope(self.opened.root)]
        for scope in scopes:  # grows in the loop
            for node in sorted(scope.graph.nodes.values(), key=_order):
                found.append((scope, node))
                if node.graph is None or (scope.host is None and not node.is_active):
                    continue
                if any(host.graph is node.graph for host in scope.chain):
                    raise refuse(problem_of(Reason.CYCLE, scope, node))
                scopes.append(scope.of(node))
            if len(found) > MAX_NODES:
                raise refuse(problem_of(Reason.TOO_MANY, scope, found[-1][1], "nodes"))
        return found

    def _unknown(self, scope: Scope, node: LiveNode) -> Problem:
        why = self.layouts.why_none(node.type)
        if why:
            return problem_of(Reason.UNREADABLE_CLASS, scope, node, why)
        if node.type.startswith(("workflow>", "workflow/")):
            return problem_of(Reason.GROUP_NODE, scope, node)
        return problem_of(Reason.UNKNOWN_CLASS, scope, node)

    def _sent(self, scope: Scope, node: LiveNode) -> dict[str, Any]:
        layout, values = node.layout, node.values
        assert layout is not None
        node_id = f"{scope.prefix}{node.node_id}"
        inputs: dict[str, Any] = {}
        places = {} if node.type == SENDER_BY_PATTERNS else self.places
        for index, name in layout.sent:
            value = values[index]
            if value is not MISSING:
                inputs[name] = {"__value__": value} if type(value) is list else value
                places[node_id, name] = node, index
        for index in layout.processed:
            self._process(node_id, node, index, inputs)
        for slot in sorted(node.links):
            if 0 <= slot < len(node.input_names):
                self._connect(scope, node, slot, inputs)
        count = len(layout.saved)
        if len(node.saved) > count and any(isinstance(value, dict) for value in node.saved[count:]):
            # More values than the class has widgets, of a kind that only a script makes: they would be lost.
            self.problems.append(problem_of(Reason.NEEDS_EDITOR, scope, node, "values of the node's own script"))
        for index in layout.processed:
            widget = layout.widgets[index]
            if widget.style is Style.CHOICE_INDEX:
                inputs[widget.name] = _choice_index(node, inputs)
        return {
            "inputs": inputs,
            "class_type": node.type,
            "_meta": {"title": node.title, **pack_facts(node.raw.get("properties"))},
        }

    def _process(self, node_id: str, node: LiveNode, index: int, inputs: dict[str, Any]) -> None:
        widget, value = node.widgets[index], node.values[index]
        if widget.style is Style.VIEW and not isinstance(value, dict):
            inputs[widget.name] = first_view()
        if widget.style is Style.BRANCHES:
            inputs[widget.name] = {"__value__": _branches(node)}
        if widget.style is Style.CURVE and value is not None and value is not MISSING:
            inputs[widget.name] = {"__type__": "CURVE", "__value__": value}
        if widget.style is Style.LORA and isinstance(value, dict):
            inputs[widget.name] = _lora(node, value)
        if not isinstance(value, str):
            return
        if widget.style is Style.FILE_NAME:
            inputs[widget.name] = fill_patterns(value, self.now, self._look_up)
        elif widget.has_choices:
            inputs[widget.name] = chosen = resolve_prompt(value, self.choose)
            if chosen != value:
                self.chosen[node_id, widget.name] = chosen

    def _connect(self, scope: Scope, node: LiveNode, slot: int, inputs: dict[str, Any]) -> None:
        found = self.flow.into(scope, node, slot)
        if found is None:
            return
        node_id, name = f"{scope.prefix}{node.node_id}", node.input_names[slot]
        self.chosen.pop((node_id, name), None)
        if isinstance(found, FlowOutput):
            inputs[name] = [found.node_id, found.slot]
            self.places.pop((node_id, name), None)
            return
        host, at = found
        value = host.values[at]
        if value is MISSING:
            inputs.pop(name, None)
            self.places.pop((node_id, name), None)
        else:
            inputs[name] = {"__value__": value} if type(value) is list else value
            self.places[node_id, name] = found

    def _look_up(self, node_name: str, widget_name: str) -> str | None:
        """The value of another node's widget, for a file name."""
        place = self.looked_up[node_name, widget_name] = self._find(node_name, widget_name)
        if place is None:
            return None
        value = place[0].values[place[1]]
        return "" if value is None or value is MISSING else as_text(value)

    def _find(self, node_name: str, widget_name: str) -> Place | None:
        """Another node's widget: by the node's name in its properties, or by its title."""
        nodes = list(self.opened.root.nodes.values())
        nodes += [node for graph in self.opened.graphs.values() for node in graph.nodes.values()]
        named = [node for node in nodes if _search_name(node) == node_name]
        named = named or [node for node in nodes if node.title == node_name]
        if not named or named[0].layout is None:
            return None
        index = named[0].layout.widget_of.get(widget_name)
        return None if index is None else (named[0], index)


def _order(node: LiveNode) -> float:
    """The node's place in the order of execution, as the editor has saved it."""
    order = node.raw.get("order")
    return order if isinstance(order, int | float) else math.inf


def _search_name(node: LiveNode) -> object:
    properties = node.raw.get("properties")
    given = properties.get("Node name for S&R") if isinstance(properties, dict) else None
    if given is not None or node.type in VIRTUAL:
        return given
    return None if node.layout is None or any(w.style is Style.FILE_NAME for w in node.widgets) else node.type


def _lora(node: LiveNode, row: Mapping[str, Any]) -> dict[str, Any]:
    """A LoRA as its loader takes it: with a second strength only if the node shows two."""
    properties = node.raw.get("properties")
    shown = properties.get("Show Strengths") if isinstance(properties, dict) else None
    if shown == "Separate Model & Clip":
        return {**row, "strengthTwo": 1 if row.get("strengthTwo") is None else row["strengthTwo"]}
    return {name: value for name, value in row.items() if name != "strengthTwo"}


def _branches(node: LiveNode) -> list[str]:
    """The names that a node shows for those of its growing inputs that are connected."""
    labels = {}
    for item in node.raw.get("inputs") or ():
        if isinstance(item, dict) and isinstance(item.get("label"), str):
            labels[item.get("name")] = item["label"]
    connected = [name for slot, name in enumerate(node.input_names) if slot in node.links]
    return [labels.get(name) or name.rpartition(".")[2] for name in connected if name.startswith("autogrow.")]


def _choice_index(node: LiveNode, inputs: Mapping[str, Any]) -> int:
    """Which of a node's own options is chosen, from 0; -1 for none."""
    choice = inputs.get(node.widgets[0].name)
    if type(choice) is list:
        choice = node.values[0]
    options = node.values[2:]
    return options.index(choice) if choice in options else -1


def _field(key: Key, place: Place, inside: Place) -> EditableValue:
    """A field; `inside` is the widget that shows its value."""
    node, index = place
    spec = inside[0].widgets[inside[1]].spec
    return EditableValue(key, node.values[index], file_place(place), control_word(inside), spec)


def file_place(place: Place) -> tuple[str, str, int]:
    """Where in the file a value is stored: the level's key, the node's id there, and the value's number."""
    node, index = place
    owner, at = node.place(index) if node.origins else place
    return owner.level.key, owner.node_id, at


def control_word(inside: Place) -> str:
    """The mode of the widget that changes a value after each run; older files have true and false."""
    node, index = inside
    if index + 1 >= len(node.widgets) or not node.widgets[index + 1].controls:
        return ""
    value = node.values[index + 1]
    return value if isinstance(value, str) else "fixed" if value is False else "randomize"
