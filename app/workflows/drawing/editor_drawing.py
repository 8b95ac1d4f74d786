"""A workflow of ComfyUI's editor as its author has drawn it: positions, sizes, colours, groups, notes and reroutes.

sketch = sketch_of_editor(json.loads(text), workflow)

Only the top level is drawn; a subgraph is one box, with the names of its nodes. `workflow` is the API format
of the same graph: the values in the boxes are taken from it, since those in the file have no names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.core.workflow import ApiWorkflow
from app.workflows.drawing.drawing import (
    FOOT,
    HEAD,
    MOST_SOCKETS,
    NARROWEST,
    ROW,
    Area,
    Box,
    BoxKind,
    Edge,
    Mode,
    Point,
    Sketch,
    Socket,
    cut,
    flow_of,
    measured,
    place_of,
    text_width,
    values_of,
)
from app.workflows.editor.graph import EditorFile, GraphLink, Level, read_editor_file
from app.workflows.graph import Graph, open_graph

FARTHEST = 1_000_000.0  # a coordinate
MOST_AREAS = 2000
MOST_BENDS = 50  # of one line
LONGEST_NOTE = 5000  # characters
_LARGEST = 20_000.0  # a side of a box
_REROUTE_SIZE = (75.0, 26.0)
_NOTES = frozenset({"Note", "MarkdownNote"})
_MODES = {2: Mode.MUTED, 4: Mode.BYPASSED}
_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
_BRIGHTEST = 190  # of a colour's strongest part, so that the author's dark colours can be distinguished on any surface


def sketch_of_editor(source: Mapping[str, Any], workflow: ApiWorkflow | None = None) -> Sketch:
    """The editor's graph as drawn; BadInput if it is invalid."""
    file = read_editor_file(source)
    sent = open_graph(workflow) if workflow is not None else {}
    level = file.root
    drawn = {node_id: _box(raw, node_id, file, sent) for node_id, raw in zip(level.ids, level.nodes, strict=True)}
    boxes = {node_id: box for node_id, (box, _) in drawn.items()}
    seats = {node_id: seats for node_id, (_, seats) in drawn.items()}
    is_placed = any(_pair(raw.get("pos")) is not None for raw in level.nodes)
    return Sketch(
        boxes if is_placed else {node_id: measured(box) for node_id, box in boxes.items()},
        tuple(_lines(level, boxes, seats, _Reroutes(source))),
        tuple(_areas(source)) if is_placed else (),
        is_placed,
        {node_id: _names(file.definitions[raw["type"]]) for node_id, raw in _subgraphs(file)},
    )


Seats = Mapping[int, int]  # an input's number in the file: its position on the box


def _box(raw: Mapping[str, Any], node_id: str, file: EditorFile, sent: Graph) -> tuple[Box, Seats]:
    class_type = raw["type"]
    definition = file.definitions.get(class_type)
    inputs, seats = _inputs(raw)
    box = Box(
        node_id=node_id,
        title=cut(_text(raw.get("title")) or (definition.name if definition else class_type)),
        class_type=cut(definition.name if definition else class_type),
        inputs=inputs,
        outputs=tuple(_socket(item) for item in _objects(raw.get("outputs"))[:MOST_SOCKETS]),
        values=values_of(sent[node_id]) if node_id in sent else (),
        kind=_kind(class_type, is_subgraph=definition is not None),
        mode=_mode(raw.get("mode")),
        colour=shade(raw.get("bgcolor")) or shade(raw.get("color")),
        note=_note(raw) if class_type in _NOTES else "",
        is_folded=bool(_object(raw.get("flags")).get("collapsed")),
    )
    return _placed(box, raw), seats


def _mode(given: object) -> Mode:
    return _MODES.get(given, Mode.ON) if isinstance(given, int) else Mode.ON


def _kind(class_type: str, *, is_subgraph: bool) -> BoxKind:
    if is_subgraph:
        return BoxKind.SUBGRAPH
    return BoxKind.NOTE if class_type in _NOTES else BoxKind.REROUTE if class_type == "Reroute" else BoxKind.NODE


def _placed(box: Box, raw: Mapping[str, Any]) -> Box:
    """The box at its author's position. The editor counts from below the title."""
    left, top = _pair(raw.get("pos")) or (0.0, 0.0)
    rows = max(len(box.inputs), len(box.outputs))
    least = (60.0, rows * ROW + FOOT)
    width, height = _pair(raw.get("size")) or (_REROUTE_SIZE if box.kind is BoxKind.REROUTE else (NARROWEST, least[1]))
    width, height = min(max(width, least[0]), _LARGEST), min(height, _LARGEST)
    if box.kind is BoxKind.REROUTE:
        return replace(box, x=left, y=top, width=width, height=min(max(height, 16.0), HEAD))
    if box.is_folded:
        width = min(max(80.0, text_width(box.title) + 2 * HEAD), max(width, 80.0))
        return replace(box, x=left, y=top - HEAD, width=width, height=HEAD)
    return replace(box, x=left, y=top - HEAD, width=width, height=max(height, least[1]) + HEAD)


def _inputs(raw: Mapping[str, Any]) -> tuple[tuple[Socket, ...], Seats]:
    """The inputs that are sockets: those without a widget, and those whose widget is replaced by a link."""
    sockets: list[Socket] = []
    seats: dict[int, int] = {}
    for number, item in enumerate(_objects(raw.get("inputs"))):
        if len(sockets) < MOST_SOCKETS and ("widget" not in item or item.get("link") is not None):
            seats[number] = len(sockets)
            sockets.append(_socket(item))
    return tuple(sockets), seats


def _socket(item: Mapping[str, Any]) -> Socket:
    kind = _text(item.get("type"))
    name = _text(item.get("label")) or _text(item.get("localized_name")) or _text(item.get("name"))
    return Socket(cut(name), flow_of(kind))


def _note(raw: Mapping[str, Any]) -> str:
    given = raw.get("widgets_values")
    values = list(given.values()) if isinstance(given, Mapping) else given if isinstance(given, list) else []
    return next((cut(value, LONGEST_NOTE) for value in values if isinstance(value, str)), "")


def _lines(level: Level, boxes: Mapping[str, Box], seats: Mapping[str, Seats], reroutes: _Reroutes) -> Iterator[Edge]:
    for link in level.links:
        source, target = boxes.get(link.origin), boxes.get(link.target)
        if source is None or target is None:
            continue
        output = place_of(link.origin_slot)
        flow = source.outputs[output].flow if output < len(source.outputs) else flow_of("")
        place = seats[link.target].get(link.target_slot, place_of(link.target_slot))
        yield Edge(link.origin, output, link.target, place, flow, reroutes.bends(link))


class _Reroutes:
    """The points that the author has put on links: each refers to the one before it, the link only to the last."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        extra = _object(source.get("extra"))
        points = [*_objects(source.get("reroutes")), *_objects(extra.get("reroutes"))]
        self._points = {item["id"]: item for item in points if isinstance(item.get("id"), int)}
        links = [*_objects(source.get("links")), *_objects(extra.get("linkExtensions"))]
        self._last = {item["id"]: item.get("parentId") for item in links if isinstance(item.get("id"), int)}

    def bends(self, link: GraphLink) -> tuple[Point, ...]:
        """The points of one link, starting at its origin."""
        found: list[Point] = []
        at = self._last.get(link.link_id) if isinstance(link.link_id, int) else None
        for _ in range(MOST_BENDS):
            point = self._points.get(at) if isinstance(at, int) else None
            if point is None:
                break
            if (where := _pair(point.get("pos"))) is not None:
                found.append(where)
            at = point.get("parentId")
        return tuple(reversed(found))


def _areas(source: Mapping[str, Any]) -> Iterator[Area]:
    for group in _objects(source.get("groups"))[:MOST_AREAS]:
        match group.get("bounding"):
            case [left, top, width, height]:
                corner, size = _pair([left, top]), _pair([width, height])
                if corner is not None and size is not None and min(size) > 0:
                    yield Area(cut(_text(group.get("title"))), *corner, *size, colour=shade(group.get("color")))


def _subgraphs(file: EditorFile) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for node_id, raw in zip(file.root.ids, file.root.nodes, strict=True):
        if raw["type"] in file.definitions:
            yield node_id, raw


def _names(level: Level) -> tuple[str, ...]:
    return tuple(cut(_text(raw.get("title")) or str(raw["type"])) for raw in level.nodes)


def shade(colour: object) -> str:
    """A colour of the author's, made bright enough to be distinguished; empty for an invalid one."""
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        return ""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) for at in (0, 2, 4)]
    strongest = max(parts)
    if strongest == 0:
        return ""
    return "#" + "".join(f"{min(255, part * _BRIGHTEST // strongest):02x}" for part in parts)


def _pair(given: object) -> Point | None:
    """Two numbers, as a list or as an object with the keys 0 and 1, within bounds."""
    match given:
        case [first, second, *_]:
            pass
        case {"0": first, "1": second}:
            pass
        case _:
            return None
    x, y = _number(first), _number(second)
    return None if x is None or y is None else (x, y)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(max(-FARTHEST, min(FARTHEST, value)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
