"""The editor's own format, read into plain tables: each level's nodes and links, subgraphs unpacked, ids made unique.

A file has one root graph and, in `definitions.subgraphs`, the graphs that its subgraph nodes represent; a definition
may contain definitions. Links are lists in older files (`[id, origin, slot, target, slot, type]`) and objects in
newer ones and in every definition. Two nodes of different levels must not have one id: as in the editor when it
opens the file, the later one gets the next free number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.core.errors import BadInput
from app.workflows.bounds import check_nodes
from app.workflows.editor.problems import Problem, Reason, refuse
from app.workflows.editor.values import as_id, as_slot

INPUT_NODE, OUTPUT_NODE = "-10", "-20"  # the ends of a subgraph's links at its edge
_MOST_DEFINITIONS = 1000
_MOST_NESTED = 100


class GraphLink(NamedTuple):
    """One link; ids of nodes as text, -1 for an invalid slot. `type` is the file's."""

    link_id: object
    origin: str
    origin_slot: int
    target: str
    target_slot: int
    type: object = "*"


@dataclass(slots=True)
class Port:
    """An input or output of a subgraph, with the links that continue from it inside.

    `label` is its author's. `primitive` is the file's id of the primitive node inside that the input has replaced.
    """

    name: str
    type: str
    link_ids: list[object]
    label: str = ""
    primitive: str = ""


@dataclass(slots=True)
class Level:
    """One graph of the file: the root, or a subgraph's definition.

    `path` leads to it: the numbers of the definitions to pass. `nodes` are the file's own objects, `ids` their ids
    as the editor numbers them.
    """

    key: str
    name: str
    path: tuple[int, ...]
    nodes: list[dict[str, Any]]
    ids: list[str]
    places: list[int]
    links: list[GraphLink]
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    renumbered: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EditorFile:
    """A whole workflow of the editor: the root, and the definitions by their id."""

    root: Level
    definitions: Mapping[str, Level]


def class_names(source: Mapping[str, Any]) -> frozenset[str]:
    """The types of all nodes of a parsed file that a server has to know, even if the file is invalid otherwise."""
    nodes = [node for level in levels_of(source) for node in level["nodes"]]
    inside = {given.get("id") for _, given in _definitions(source) if isinstance(given.get("id"), str)}
    types = (node.get("type") for node in nodes if isinstance(node, Mapping))
    return frozenset(name for name in types if isinstance(name, str) and name not in inside)


def copied(source: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the file, to be written into."""
    copy: dict[str, Any] = json.loads(json.dumps(source))
    return copy


def levels_of(source: Mapping[str, Any]) -> list[Any]:
    """The root of a parsed file and all definitions in it, as far as they have nodes."""
    levels = [source, *(given for _, given in _definitions(source))]
    return [level for level in levels if isinstance(level.get("nodes"), list)]


def read_editor_file(source: Mapping[str, Any]) -> EditorFile:
    """Parse a file; BadInput if it is not one of the editor's, CannotConvert with the malformed node."""
    if not isinstance(source, Mapping) or not isinstance(source.get("nodes"), list):
        raise BadInput("bad-workflow", detail="not the editor's format")
    root = _level(source, "", ())
    definitions: dict[str, Level] = {}
    for path, given in _definitions(source):
        key = given.get("id")
        if not isinstance(key, str) or not isinstance(given.get("nodes", []), list):
            raise refuse(Problem(Reason.MALFORMED, detail="a subgraph without an id or nodes"))
        if key not in definitions:
            definitions[key] = _level(given, key, path)
    check_nodes(len(root.nodes) + sum(len(level.nodes) for level in definitions.values()))
    if len(set(root.ids)) != len(root.ids):
        twice = next(node_id for index, node_id in enumerate(root.ids) if node_id in root.ids[:index])
        raise refuse(Problem(Reason.MALFORMED, twice, detail="two nodes with one id"))
    _make_unique(root, definitions.values(), _last_id(source))
    return EditorFile(root, definitions)


def _definitions(source: Mapping[str, Any]) -> Iterable[tuple[tuple[int, ...], Mapping[str, Any]]]:
    """Every definition in the file, each before those that it contains."""
    found: list[tuple[tuple[int, ...], Mapping[str, Any]]] = []
    waiting: list[tuple[tuple[int, ...], object]] = [((), source)]
    while waiting:
        path, given = waiting.pop()
        if not isinstance(given, Mapping):
            raise refuse(Problem(Reason.MALFORMED, detail="a subgraph that is no object"))
        if path:
            found.append((path, given))
        held = given.get("definitions")
        subgraphs = held.get("subgraphs") if isinstance(held, Mapping) else None
        if isinstance(subgraphs, list):
            waiting += [((*path, index), item) for index, item in reversed(list(enumerate(subgraphs)))]
        if len(found) + len(waiting) > _MOST_DEFINITIONS or len(path) > _MOST_NESTED:
            raise refuse(Problem(Reason.TOO_MANY, detail="subgraphs"))
    return found


def _level(source: Mapping[str, Any], key: str, path: tuple[int, ...]) -> Level:
    nodes, ids, places = [], [], []
    seen: set[str] = set()
    for place, node in enumerate(source.get("nodes", ())):
        node_id = as_id(node.get("id")) if isinstance(node, dict) else ""
        if not node_id or not isinstance(node.get("type"), str):
            raise refuse(Problem(Reason.MALFORMED, node_id, detail=f"node {place} has no id or no type"))
        if key and node_id in seen:
            continue  # of two in one subgraph, the editor keeps the first
        seen.add(node_id)
        nodes.append(node)
        ids.append(node_id)
        places.append(place)
    name = source.get("name")
    level = Level(key, name if isinstance(name, str) else "", path, nodes, ids, places, _links(source.get("links")))
    if key:
        level.inputs, level.outputs = _ports(source.get("inputs")), _ports(source.get("outputs"))
    _drop_rivals(level)
    return level


def _ports(given: object) -> list[Port]:
    ports = []
    for item in given if isinstance(given, list) else ():
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
            raise refuse(Problem(Reason.MALFORMED, detail="a subgraph's input or output without a name"))
        kind, link_ids = item.get("type"), item.get("linkIds")
        ports.append(
            Port(
                item["name"],
                kind if isinstance(kind, str) else "*",
                [link for link in link_ids if isinstance(link, int | float)] if isinstance(link_ids, list) else [],
                label_in(item),
            )
        )
    return ports


def label_in(item: Mapping[str, Any]) -> str:
    """The author's label of a socket; empty if it has none."""
    labels = (item.get("label"), item.get("localized_name"))
    return next((label.strip() for label in labels if isinstance(label, str) and label.strip()), "")


def _links(given: object) -> list[GraphLink]:
    found: list[GraphLink] = []
    items = given.values() if isinstance(given, Mapping) else given if isinstance(given, list) else ()
    for item in items:
        if isinstance(item, list) and len(item) >= 5:
            link_id, origin, origin_slot, target, target_slot = item[:5]
            kind = item[5] if len(item) > 5 else "*"
        elif isinstance(item, Mapping):
            link_id, origin, target = item.get("id"), item.get("origin_id"), item.get("target_id")
            origin_slot, target_slot, kind = item.get("origin_slot"), item.get("target_slot"), item.get("type")
        else:
            continue  # null where an old editor had removed a link
        if isinstance(link_id, int | float | str):
            found.append(
                GraphLink(link_id, as_id(origin), as_slot(origin_slot), as_id(target), as_slot(target_slot), kind)
            )
    return found


def _drop_rivals(level: Level) -> None:
    """Keep one link for each input, as the editor does: the first, unless the input names a later one."""
    by_target: dict[tuple[str, int], int] = {}
    kept: list[GraphLink] = []
    named: set[object] | None = None
    replaced: dict[object, object] = {}
    for link in level.links:
        key = (link.target, link.target_slot)
        index = by_target.get(key)
        if index is None:
            by_target[key] = len(kept)
            kept.append(link)
            continue
        if named is None:
            named = _named_links(level)
        rival = kept[index]
        is_same = (rival.origin, rival.origin_slot) == (link.origin, link.origin_slot)
        if not is_same and link.link_id in named and rival.link_id not in named:
            kept[index] = link
            replaced[rival.link_id] = link.link_id
        else:
            replaced[link.link_id] = rival.link_id
    level.links = kept
    if replaced:
        for port in (*level.inputs, *level.outputs):
            port.link_ids = list(dict.fromkeys(replaced.get(link_id, link_id) for link_id in port.link_ids))


def _named_links(level: Level) -> set[object]:
    named: set[object] = set()
    for node in level.nodes:
        inputs = node.get("inputs")
        for item in inputs if isinstance(inputs, list) else ():
            link = item.get("link") if isinstance(item, dict) else None
            if isinstance(link, int | float | str):
                named.add(link)
    return named


def _last_id(source: Mapping[str, Any]) -> int:
    """The highest id that was assigned, according to the file."""
    state = source.get("state")
    given = source.get("last_node_id")
    if given is None and isinstance(state, Mapping):
        given = state.get("lastNodeId")
    return _number(as_id(given)) or 0


def _number(node_id: str) -> int | None:
    is_number = node_id.isascii() and node_id.isdecimal() and len(node_id) < 17
    return int(node_id) if is_number and str(int(node_id)) == node_id else None


def _make_unique(root: Level, definitions: Iterable[Level], last: int) -> None:
    used = set(root.ids)
    for level in definitions:
        for index, node_id in enumerate(level.ids):
            if node_id in used:
                last += 1
                while str(last) in used:
                    last += 1
                level.renumbered[node_id] = level.ids[index] = str(last)
            else:
                last = max(last, _number(node_id) or 0)
            used.add(level.ids[index])
        if level.renumbered:
            changed = level.renumbered
            level.links = [
                link._replace(
                    origin=changed.get(link.origin, link.origin), target=changed.get(link.target, link.target)
                )
                for link in level.links
            ]
