"""A workflow as it is drawn: boxes for its nodes, lines between their sockets, areas for its groups.

sketch = sketch_of_api(workflow)      # boxes with sizes, without positions: `layout.py` computes them
sketch.box_of("12:3")                 # the box of a node, also of one inside a subgraph or created at run time

Units are those of ComfyUI's editor, pixels at full size; `x` and `y` are a box's upper left corner, its title included.
Texts are the author's, as they are; they are not markup.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from app.core.workflow import ApiWorkflow
from app.workflows.graph import GraphNode, open_graph

HEAD = 30.0  # height of a box's title
ROW = 20.0  # of a socket, or of a value
FOOT = 8.0  # below the last row
NARROWEST, WIDEST = 190.0, 330.0  # boxes whose size we compute
MOST_SOCKETS = 64  # of one box, on each side
MOST_VALUES = 5  # values shown in a box whose size we compute
LONGEST_TEXT = 300  # characters of a text in a drawing
_GLYPH = 6.7  # an average character's width at the text's size; Chinese characters take two


class DrawnFlow(Enum):
    """What a link carries, as far as its type or the input's name shows it."""

    MODEL = "model"
    CLIP = "clip"
    VAE = "vae"
    CONDITIONING = "conditioning"
    LATENT = "latent"
    IMAGE = "image"
    MASK = "mask"
    OTHER = "other"


_NAMED = {
    "model": DrawnFlow.MODEL, "clip": DrawnFlow.CLIP, "vae": DrawnFlow.VAE,
    "positive": DrawnFlow.CONDITIONING, "negative": DrawnFlow.CONDITIONING, "conditioning": DrawnFlow.CONDITIONING,
    "samples": DrawnFlow.LATENT, "latent": DrawnFlow.LATENT, "latent_image": DrawnFlow.LATENT,
    "image": DrawnFlow.IMAGE, "images": DrawnFlow.IMAGE, "pixels": DrawnFlow.IMAGE,
    "mask": DrawnFlow.MASK, "masks": DrawnFlow.MASK,
}  # fmt: skip


def flow_of(type_or_name: str) -> DrawnFlow:
    """What a socket of that type, or an input of that name, carries."""
    return _NAMED.get(type_or_name.casefold().rstrip("_0123456789"), DrawnFlow.OTHER)


class BoxKind(Enum):
    """What a box represents."""

    NODE = "node"
    SUBGRAPH = "subgraph"
    NOTE = "note"
    REROUTE = "reroute"


class Mode(Enum):
    """Whether the author has switched a node off."""

    ON = "on"
    MUTED = "muted"
    BYPASSED = "bypassed"


@dataclass(frozen=True, slots=True)
class Socket:
    """One input or output of a box."""

    name: str
    flow: DrawnFlow = DrawnFlow.OTHER


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a node, as text."""

    name: str
    text: str


Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One node. `colour` is the author's, `#rrggbb` or empty; `note` is the text of a note."""

    node_id: str
    title: str
    class_type: str
    x: float = 0.0
    y: float = 0.0
    width: float = NARROWEST
    height: float = HEAD
    inputs: tuple[Socket, ...] = ()
    outputs: tuple[Socket, ...] = ()
    values: tuple[Value, ...] = ()
    kind: BoxKind = BoxKind.NODE
    mode: Mode = Mode.ON
    colour: str = ""
    note: str = ""
    is_folded: bool = False

    def input_at(self, place: int) -> Point:
        """Where a link enters."""
        return self.x, self._socket_y(place)

    def output_at(self, place: int) -> Point:
        """Where a link leaves."""
        return self.x + self.width, self._socket_y(place)

    def _socket_y(self, place: int) -> float:
        if self.kind is BoxKind.REROUTE or self.is_folded:
            return self.y + self.height / 2
        return min(self.y + HEAD + (place + 0.7) * ROW, self.y + self.height)


@dataclass(frozen=True, slots=True)
class Edge:
    """A link from an output to an input; `bends` are points on its way."""

    source: str
    output: int
    target: str
    input: int
    flow: DrawnFlow = DrawnFlow.OTHER
    bends: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Area:
    """A group that the author has drawn."""

    title: str
    x: float
    y: float
    width: float
    height: float
    colour: str = ""


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """The area that a drawing covers."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """A whole drawing. Both ends of every link are boxes in it. Without a layout, all boxes are at (0, 0)."""

    boxes: Mapping[str, Box]
    lines: tuple[Edge, ...] = ()
    areas: tuple[Area, ...] = ()
    is_placed: bool = True
    inside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # subgraph's box: names of the nodes in it

    def box_of(self, node_id: str) -> Box | None:
        """The box of a node: its own, that of its subgraph, or that of the node that it was expanded from."""
        wanted = node_id
        while wanted:
            if (box := self.boxes.get(wanted)) is not None:
                return box
            wanted = wanted[: max(wanted.rfind(":"), wanted.rfind("."), 0)]
        return None

    @property
    def frame(self) -> DrawnFrame:
        """The area of all boxes and groups."""
        things: list[Box | Area] = [*self.boxes.values(), *self.areas]
        if not things:
            return DrawnFrame(0, 0, NARROWEST, HEAD)
        left, top = min(item.x for item in things), min(item.y for item in things)
        right = max(item.x + item.width for item in things)
        return DrawnFrame(left, top, right - left, max(item.y + item.height for item in things) - top)


def sketch_of_api(workflow: ApiWorkflow) -> Sketch:
    """A workflow in API format: boxes of the size that their content needs, without positions."""
    graph = open_graph(workflow)
    flows: dict[str, dict[int, DrawnFlow]] = {}
    for node in graph.values():
        for name, link in node.links.items():
            if link.node_id in graph:
                known = flows.setdefault(link.node_id, {})
                slot = place_of(link.slot)
                known[slot] = flow_of(name) if known.get(slot, DrawnFlow.OTHER) is DrawnFlow.OTHER else known[slot]
    boxes = {node_id: measured(_box(node, flows.get(node_id, {}))) for node_id, node in graph.items()}
    lines = [line for node in graph.values() for line in _lines(node, flows)]
    return Sketch(boxes, tuple(lines), is_placed=False)


def _box(node: GraphNode, flows: Mapping[int, DrawnFlow]) -> Box:
    named = [Socket(cut(name), flow_of(name)) for name in list(node.links)[:MOST_SOCKETS]]
    outputs = [flows.get(slot, DrawnFlow.OTHER) for slot in range(max(flows, default=-1) + 1)]
    return Box(
        node_id=node.node_id,
        title=cut(node.title or node.class_type),
        class_type=cut(node.class_type),
        inputs=tuple(named),
        outputs=tuple(Socket("" if flow is DrawnFlow.OTHER else flow.value.upper(), flow) for flow in outputs),
        values=values_of(node),
    )


def _lines(node: GraphNode, flows: Mapping[str, Mapping[int, DrawnFlow]]) -> Iterable[Edge]:
    for place, link in enumerate(node.links.values()):
        slot = place_of(link.slot)
        flow = flows.get(link.node_id, {}).get(slot)
        if flow is not None and place < MOST_SOCKETS:
            yield Edge(link.node_id, slot, node.node_id, place, flow)


def place_of(slot: int) -> int:
    """A socket's position on its box; an invalid one is the last."""
    return min(max(slot, 0), MOST_SOCKETS - 1)


def values_of(node: GraphNode) -> tuple[Value, ...]:
    """The values set in a node, in order."""
    return tuple(Value(cut(name), plain_value(value)) for name, value in node.values.items())


def plain_value(value: object, most: int = LONGEST_TEXT) -> str:
    """A value for display: a text unchanged, anything else as JSON."""
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), most)


def cut(text: str, most: int = LONGEST_TEXT) -> str:
    """A text of bounded length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def fitted(text: str, width: float) -> str:
    """The first line of a text, cut to that width."""
    whole = text.strip()
    line = whole.split("\n", maxsplit=1)[0].rstrip()
    if line == whole and (len(line) * _WIDEST_GLYPH <= width or text_width(line) <= width):
        return line
    room = width - _GLYPH
    for end, glyph in enumerate(line):
        room -= _WIDTHS.get(glyph) or _glyph_width(glyph)
        if room < 0:
            return f"{line[:end].rstrip()}…"
    return f"{line}…"


def text_width(text: str) -> float:
    """The approximate width of a text."""
    return sum([_WIDTHS.get(glyph) or _glyph_width(glyph) for glyph in text])


def _glyph_width(glyph: str) -> float:
    is_wide = "\u1100" <= glyph < "\u1200" or glyph >= "\u2e80"
    return _GLYPH * (2.0 if is_wide else 1.25 if glyph.isupper() or glyph in "mw@%" else 1.0)


_WIDEST_GLYPH = 2 * _GLYPH
_WIDTHS = {glyph: _glyph_width(glyph) for glyph in map(chr, range(32, 127))}


def measured(box: Box) -> Box:
    """The box with the size that its title, its sockets and its first values need."""
    shown = box.values[:MOST_VALUES]
    widths = [text_width(box.title) + 50]
    widths += [text_width(value.name) + min(text_width(value.text), 110) + 40 for value in shown]
    widths += [
        text_width(left.name) + text_width(right.name) + 50
        for left, right in zip(_padded(box.inputs, box.outputs), _padded(box.outputs, box.inputs), strict=True)
    ]
    rows = max(len(box.inputs), len(box.outputs)) + len(shown)
    width = math.ceil(min(WIDEST, max(NARROWEST, *widths)) / 10) * 10
    return replace(box, width=width, height=HEAD + rows * ROW + (FOOT if rows else 0))


def _padded(sockets: Sequence[Socket], others: Sequence[Socket]) -> list[Socket]:
    return [*sockets, *[Socket("")] * (len(others) - len(sockets))]
