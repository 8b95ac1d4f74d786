"""What a workflow needs of a server, checked against the server's catalogue before anything is sent.

lacks = check(workflow, catalogue)
lacks.classes, lacks.values          # both empty: it runs there, according to the catalogue

standing(workflow, {"gpu-1": catalogue, "gpu-2": other, "gpu-3": None})
# Runnability(runs_on=("gpu-1",), lacks={"gpu-2": …}, unknown=("gpu-3",))

respell(workflow, catalogue)         # as it is sent there: models as that server spells them

A server refuses a class that it lacks anywhere in the workflow, but checks values and links only in nodes that an
output depends on: the others are never run.

A catalogue does not have everything: a class may check an input itself and then accept a value outside its list.
So a lack most likely leads to a rejection, and the user may still send the workflow.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from app.core.model import ServerId
from app.core.server_file import is_annotated
from app.core.spelling import respelled, with_slashes
from app.core.workflow import ApiWorkflow
from app.workflows.catalogue import Catalogue, NodeClass
from app.workflows.catalogue_inputs import COMBO, InputSpec
from app.workflows.editor.widgets import POWER_LORA
from app.workflows.graph import (
    Graph,
    GraphNode,
    Key,
    live_inputs,
    open_graph,
    own_choices,
    replaced,
    validated,
)
from app.workflows.model_files import is_model_name, likely_folder
from app.workflows.replacements import MovedInput
from wire.media import FILE_ENDINGS

LORA_LOADER = "LoraLoader"  # it lists the server's LoRAs


class ValueKind(Enum):
    """The kind of a missing value."""

    MODEL = "model"
    CHOICE = "choice"
    FILE = "file"
    LINK = "link"  # a required input that nothing is connected to
    OUTPUT = "output"  # of a node before it, which has fewer outputs on this server


@dataclass(frozen=True, slots=True)
class MissingClass:
    """A node class that the server does not have, and the nodes of that class: (node id, title)."""

    class_type: str
    nodes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MissingValue:
    """A value that the server does not offer for an input, or a link that the input needs.

    For a link, `value` is the input's name; for an output, it is the node before it. `folder` is the server's folder of
    models, if it is known. `near` is a choice of the server that differs only in its folder or in upper and lower case:
    very likely the same file. It has slashes, as on no Windows server, so that servers that lack the same are equal.
    """

    node_id: str
    title: str
    class_type: str
    input_name: str
    value: str
    kind: ValueKind
    folder: str = ""
    near: str = ""

    @property
    def key(self) -> Key:
        """The node and the input."""
        return self.node_id, self.input_name


@dataclass(frozen=True, slots=True)
class Lacks:
    """What one server lacks for one workflow; if nothing, the workflow runs there.

    `without_key` are classes that cost credits, for which the server gets no key.
    """

    classes: tuple[MissingClass, ...] = ()
    values: tuple[MissingValue, ...] = ()
    without_key: tuple[MissingClass, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.classes or self.values or self.without_key)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the missing classes and values, each once."""
        return tuple(
            dict.fromkeys(
                [
                    *(item.class_type for item in (*self.classes, *self.without_key)),
                    *(item.value for item in self.values),
                ]
            )
        )


@dataclass(frozen=True, slots=True)
class Runnability:
    """Where a workflow runs in a fleet; `unknown` are servers whose catalogue has not been read."""

    runs_on: tuple[ServerId, ...]
    lacks: Mapping[ServerId, Lacks]
    unknown: tuple[ServerId, ...]


Files = Mapping[str, bool]  # whether a server has a file, by the value that names it; only files that were requested
NO_FILES: Files = MappingProxyType({})


def check(
    workflow: ApiWorkflow, catalogue: Catalogue, supplied: Collection[Key] = (), files: Files = NO_FILES
) -> Lacks:
    """What the server lacks. Inputs in `supplied` come with an upload at the submit, and are never missing."""
    return _check(open_graph(workflow), catalogue, supplied, files)


def unlisted_files(workflow: ApiWorkflow, catalogue: Catalogue, supplied: Collection[Key] = ()) -> dict[Key, str]:
    """Return the files that the workflow names and the catalogue does not list, so that the server has to be asked.

    The lists cover only the top level of one folder, at the time when they were read.
    """
    graph = open_graph(workflow)
    found: dict[Key, str] = {}
    for node, node_class in _checked(_as_run(graph, catalogue), catalogue):
        for name, spec in live_inputs(node_class, node.values):
            value = node.values.get(name)
            is_listed = value in (_options(spec) or ())
            if isinstance(value, str) and value and not is_listed and _is_file(spec, value):
                found[node.node_id, name] = value
    return {key: value for key, value in found.items() if key not in supplied}


def classes_of(workflow: ApiWorkflow) -> frozenset[str]:
    """Return the node classes that a catalogue needs for this workflow, and those that list the files of others."""
    names = frozenset(node.class_type for node in workflow.nodes.values())
    return names | {LORA_LOADER} if POWER_LORA in names else names


def respell(workflow: ApiWorkflow, catalogue: Catalogue) -> ApiWorkflow:
    """Return the workflow with each model as the server spells it. Texts and files to be uploaded never change."""
    graph = open_graph(workflow)
    values: dict[Key, object] = {}
    for node, node_class in _checked(_as_run(graph, catalogue), catalogue):
        for name, spec in live_inputs(node_class, node.values):
            value = node.values.get(name)
            own_name = _own_name(graph[node.node_id], node, name, catalogue)
            if own_name is not None and (spelled := _in_spelling(spec, value)) != value:
                values[node.node_id, own_name] = {"__value__": spelled} if isinstance(spelled, list) else spelled
        if node.class_type == POWER_LORA:
            values |= {(node.node_id, name): row for name, row in _spelled_rows(node, catalogue)}
    return workflow.with_values(values) if values else workflow


def _spelled_rows(node: GraphNode, catalogue: Catalogue) -> Iterator[tuple[str, object]]:
    """Yield the rows of LoRAs that the server spells otherwise. A server leaves out a LoRA that it does not find."""
    loader = catalogue.get(LORA_LOADER)
    spec = loader.input("lora_name") if loader is not None else None
    if spec is None:
        return
    for name, row in node.values.items():
        if isinstance(row, dict) and (spelled := _in_spelling(spec, row.get("lora"))) != row.get("lora"):
            yield name, {**row, "lora": spelled}


def standing(
    workflow: ApiWorkflow,
    catalogues: Mapping[ServerId, Catalogue | None],
    supplied: Collection[Key] = (),
    files: Mapping[ServerId, Files] | None = None,
    *,
    without_keys: Collection[ServerId] = (),
) -> Runnability:
    """The same for a fleet; servers with the same catalogue and the same answers about files are checked once.

    `without_keys` are the servers that get no keys for nodes that cost credits.
    """
    graph = open_graph(workflow)
    checked: dict[tuple[int, frozenset[tuple[str, bool]]], Lacks] = {}
    found: dict[ServerId, Lacks] = {}
    for server_id, catalogue in catalogues.items():
        if catalogue is None:
            continue
        there = (files or {}).get(server_id, NO_FILES)
        known = id(catalogue), frozenset(there.items())
        if known not in checked:
            checked[known] = _check(graph, catalogue, supplied, there)
        found[server_id] = checked[known]
        if server_id in without_keys:
            found[server_id] = replace(found[server_id], without_key=_costly(graph, catalogue))
    return Runnability(
        runs_on=tuple(server_id for server_id, lacks in found.items() if not lacks),
        lacks={server_id: lacks for server_id, lacks in found.items() if lacks},
        unknown=tuple(server_id for server_id in catalogues if server_id not in found),
    )


def _check(graph: Graph, catalogue: Catalogue, supplied: Collection[Key], files: Files) -> Lacks:
    run = _as_run(graph, catalogue)
    missing: dict[str, list[tuple[str, str]]] = {}
    for node_id, node in run.items():
        if node.class_type not in catalogue:
            known = graph[node_id]
            missing.setdefault(known.class_type, []).append((node_id, known.title))
    values = [
        value
        for node, node_class in _checked(run, catalogue)
        for value in (
            *_missing_values(node, node_class, catalogue, supplied, files),
            *_missing_links(node, node_class, graph, run, catalogue),
        )
    ]
    return Lacks(tuple(MissingClass(name, tuple(nodes)) for name, nodes in missing.items()), tuple(values))


def _costly(graph: Graph, catalogue: Catalogue) -> tuple[MissingClass, ...]:
    """Return the classes that cost credits, with those of their nodes that run."""
    nodes: dict[str, list[tuple[str, str]]] = {}
    for node, node_class in _checked(_as_run(graph, catalogue), catalogue):
        if node_class.is_api_node:
            nodes.setdefault(node_class.name, []).append((node.node_id, node.title))
    return tuple(MissingClass(name, tuple(found)) for name, found in nodes.items())


def _as_run(graph: Graph, catalogue: Catalogue) -> Graph:
    """Return the nodes as the server checks them, with its replacements for classes that it does not have."""
    if not catalogue.replacements:
        return graph
    return {node_id: _node_as_run(node, catalogue) for node_id, node in graph.items()}


def _node_as_run(node: GraphNode, catalogue: Catalogue) -> GraphNode:
    found = replaced(node, catalogue.replacement(node.class_type))
    return node if found is None else found


def _own_name(node: GraphNode, as_run: GraphNode, name: str, catalogue: Catalogue) -> str | None:
    """Return the workflow's own name for an input as the server checks it; None if the server sets it."""
    if as_run is node:
        return name
    source = catalogue.replacements[node.class_type].inputs.get(name)
    return source.name if isinstance(source, MovedInput) else None


def _checked(graph: Graph, catalogue: Catalogue) -> Iterator[tuple[GraphNode, NodeClass]]:
    """Yield the nodes whose values the server checks."""
    known = {node_id: catalogue.get(node.class_type) for node_id, node in graph.items()}
    checked = validated(graph, known)
    for node_id, node_class in known.items():
        if node_class is not None and node_id in checked:  # nothing more is known of an unreadable class
            yield graph[node_id], node_class


def _missing_values(
    node: GraphNode, node_class: NodeClass, catalogue: Catalogue, supplied: Collection[Key], files: Files
) -> Iterator[MissingValue]:
    for name, spec in live_inputs(node_class, node.values):
        is_free = own_choices(node, name, spec) or (spec.is_new_choice and not catalogue.checks_new_choices)
        options = None if is_free else _options(spec)
        if name not in node.values or (node.node_id, name) in supplied:
            continue
        value = node.values[name]
        for item in value if isinstance(value, list) else (value,):
            if _in_spelling(spec, item) in (options or ()) or _may_be_there(spec, item, options, files):
                continue
            text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
            yield MissingValue(
                node_id=node.node_id,
                title=node.title or node_class.display_name,
                class_type=node.class_type,
                input_name=name,
                value=text,
                kind=_kind(spec, text),
                folder=likely_folder(node.class_type, name),
                near=_near(text, options or ()),
            )


def _missing_links(
    node: GraphNode, node_class: NodeClass, graph: Graph, run: Graph, catalogue: Catalogue
) -> Iterator[MissingValue]:
    """Yield links that the server refuses. The form has a value for each widget, but not for those of a new class."""
    is_replaced = node.class_type != graph[node.node_id].class_type
    title = node.title or node_class.display_name

    def missing(name: str, value: str, kind: ValueKind) -> MissingValue:
        return MissingValue(node.node_id, title, node.class_type, name, value, kind)

    for name, spec in live_inputs(node_class, node.values):
        is_absent = name not in node.values and name not in node.links
        if is_absent and spec.is_required and (is_replaced or not spec.has_field):
            yield missing(name, name, ValueKind.LINK)
    for name, link in node.links.items():
        source = run.get(link.node_id)
        source_class = catalogue.get(source.class_type) if source is not None else None
        if source is None:
            yield missing(name, name, ValueKind.LINK)
        elif source_class is not None and not 0 <= link.slot < len(source_class.outputs):
            yield missing(name, source_class.display_name, ValueKind.OUTPUT)


def _options(spec: InputSpec) -> Collection[object] | None:
    """The values that the server accepts for an input, or None if it accepts any or the catalogue does not list them.

    A choice that brings other inputs is one that the server does not check.
    """
    return spec.options if spec.type == COMBO and not spec.remote_route else None


def _in_spelling(spec: InputSpec, value: object) -> object:
    """Return a choice as the server spells it, if the options are all that the input may have."""
    if spec.type != COMBO or spec.upload or not spec.options:
        return value
    if isinstance(value, list):
        return [_in_spelling(spec, item) for item in value]
    return respelled(value, spec.options) if isinstance(value, str) else value


def _is_file(spec: InputSpec, value: str) -> bool:
    """Return whether a value names a file on the server and not a model."""
    return spec.type == COMBO and (bool(spec.upload) or is_annotated(value))


def _may_be_there(spec: InputSpec, value: object, options: Collection[object] | None, files: Files) -> bool:
    """Whether the server may have a value that it does not list.

    It lists only files at the top level of one folder, but accepts `sub/name.png` and `name.png [output]` too: it has
    these if it said so, and may have them if it was not asked. An empty value waits for a picture.
    """
    if not isinstance(value, str) or not _is_file(spec, value):
        return options is None
    if not value or options is None or "/" in value or is_annotated(value):
        return files.get(value, True)
    return files.get(value, False)


def _kind(spec: InputSpec, value: str) -> ValueKind:
    if spec.upload or value.lower().endswith(FILE_ENDINGS):
        return ValueKind.FILE
    return ValueKind.MODEL if is_model_name(value) or likely_folder("", spec.name) else ValueKind.CHOICE


def _near(value: str, options: Collection[object]) -> str:
    wanted = _base(value)
    return next((with_slashes(item) for item in options if isinstance(item, str) and _base(item) == wanted), "")


def _base(path: str) -> str:
    return with_slashes(path).rsplit("/", 1)[-1].casefold()
