"""The inside of a graph's drawing as SVG: made once, then marked and moved by `static/js/graph.js`.

Each box is `<g class="box" data-node-id=…>`. What changes while a task runs is not here: the page's JavaScript sets
`data-mark` on the boxes. Colours come from `static/css/graph.css`, the author's own as attributes, since the page's
policy refuses inline styles.

500 nodes are 11,000 elements, nearly all of them numbers; so this is written as text here, not as a template, and every
text from a workflow passes through `escape`.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from markupsafe import Markup

from app.ui.kit.i18n import Translator
from app.workflows.drawing.drawing import (
    FOOT,
    HEAD,
    ROW,
    Area,
    Box,
    BoxKind,
    Edge,
    Mode,
    Point,
    Sketch,
    Socket,
    fitted,
    text_width,
)

_MARGIN = 14.0  # from a box's side to its text
_SIGN = 34.0  # room for the mark beside a title
_REACH = 0.5  # the straight part of a line at both ends, as a share of the distance
_BACK = 80.0  # its minimum, if the line goes back


def plane(sketch: Sketch, _: Translator) -> Markup:
    """Return everything in the drawing. Each text in it is escaped."""
    parts = (
        '<g class="plane" translate="no"><g class="areas" aria-hidden="true">',
        *map(_area, sketch.areas),
        '</g><g class="lines" aria-hidden="true">',
        *(_line(line, sketch) for line in sketch.lines),
        '</g><g class="boxes">',
        *(_box(box, _.known(box.title)) for box in sketch.boxes.values()),
        "</g></g>",
    )
    return Markup("".join(parts))


def frame(sketch: Sketch) -> str:
    """Return the left, top, width and height of the whole drawing."""
    found = sketch.frame
    return " ".join(map(_number, (found.x, found.y, found.width, found.height)))


def _area(area: Area) -> str:
    colour = f' fill="{area.colour}" stroke="{area.colour}"' if area.colour else ""
    size = f'width="{_number(area.width)}" height="{_number(area.height)}"'
    title = escape(fitted(area.title, (area.width - 24) / 1.5))
    return (
        f'<g transform="{_moved(area.x, area.y)}"><rect class="area"{colour} {size} rx="10"/>'
        f'<text class="area-title" x="12" y="26">{title}</text></g>'
    )


def _line(line: Edge, sketch: Sketch) -> str:
    start = sketch.boxes[line.source].output_at(line.output)
    end = sketch.boxes[line.target].input_at(line.input)
    ends = f'data-from="{escape(line.source)}" data-to="{escape(line.target)}"'
    return f'<path class="line of-{line.flow.value}" {ends} d="{_curve((start, *line.bends, end))}"/>'


def _curve(points: tuple[Point, ...]) -> str:
    """Return a smooth path through all points that begins and ends sideways."""
    parts = [f"M{_number(points[0][0])} {_number(points[0][1])}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        reach = max(abs(x2 - x1) * _REACH, min(60.0, abs(y2 - y1) * 0.5), _BACK if x2 < x1 else 0.0)
        numbers = (x1 + reach, y1, x2 - reach, y2, x2, y2)
        parts.append("C" + " ".join(map(_number, numbers)))
    return "".join(parts)


def _box(box: Box, title: str) -> str:
    kinds = f"box is-{box.kind.value}" + ("" if box.mode is Mode.ON else f" is-{box.mode.value}")
    size = f'width="{_number(box.width)}" height="{_number(box.height)}" rx="8"'
    name, node_id = escape(f"{title} ({box.node_id})"), escape(box.node_id)
    facts = f'data-node-id="{node_id}" data-action="graph-node" data-width="{_number(box.width)}"'
    return "".join(
        (
            f'<g class="{kinds}" {facts} transform="{_moved(box.x, box.y)}"><g aria-hidden="true">',
            f'<rect class="box-body" {size}/>',
            f'<rect class="box-tint" fill="{box.colour}" {size}/>' if box.colour else "",
            "" if box.kind is BoxKind.REROUTE else _head(box, title),
            "" if box.is_folded or box.kind is BoxKind.REROUTE else "".join(_rows(box)),
            f'<rect class="box-bar" y="{_number(HEAD - 3)}" width="0" height="3"/></g>',
            f'<rect class="box-frame" {size} role="button" tabindex="-1" aria-label="{name}"/></g>',
        )
    )


def _head(box: Box, title: str) -> str:
    rule = "" if box.is_folded else f'<path class="box-rule" d="M0 {_number(HEAD)}h{_number(box.width)}"/>'
    shown = escape(fitted(title, box.width - _MARGIN - _SIGN))
    return (
        f'{rule}<text class="box-title" x="{_number(_MARGIN)}" y="20">{shown}</text>'
        f'<path class="box-sign" transform="{_moved(box.width - 18, HEAD / 2)}"/>'
    )


def _rows(box: Box) -> Iterator[str]:
    if box.kind is BoxKind.NOTE:
        yield from _note(box)
        return
    for place, socket in enumerate(box.inputs):
        yield _socket(socket, 0.0, place, box.width)
    for place, socket in enumerate(box.outputs):
        yield _socket(socket, box.width, place, box.width)
    top = HEAD + max(len(box.inputs), len(box.outputs)) * ROW
    room, width = int((box.height - top - FOOT / 2) // ROW), box.width - 2 * _MARGIN - 10
    left, right = _number(_MARGIN), _number(box.width - _MARGIN)
    for place, value in enumerate(box.values[: max(0, room)]):
        y = _number(top + (place + 0.7) * ROW + 4)
        text = fitted(value.text, max(width / 2, width - text_width(value.name)))
        name = fitted(value.name, width - text_width(text))
        yield f'<text class="value-name" x="{left}" y="{y}">{escape(name)}</text>'
        yield f'<text class="value" x="{right}" y="{y}">{escape(text)}</text>'


def _socket(socket: Socket, x: float, place: int, width: float) -> str:
    y = HEAD + (place + 0.7) * ROW
    dot = f'<circle class="socket of-{socket.flow.value}" cx="{_number(x)}" cy="{_number(y)}" r="4.5"/>'
    if not socket.name:
        return dot
    kind, at = ("socket-name is-output", x - _MARGIN) if x else ("socket-name", _MARGIN)
    name = escape(fitted(socket.name, width * 0.6))
    return f'{dot}<text class="{kind}" x="{_number(at)}" y="{_number(y + 4)}">{name}</text>'


def _note(box: Box) -> Iterator[str]:
    """A note's first lines; the details of a chosen node have all of it."""
    rows = int((box.height - HEAD - FOOT) // ROW)
    for place, line in enumerate(box.note.split("\n")[: max(1, rows)]):
        if line.strip():
            y = _number(HEAD + (place + 0.9) * ROW)
            shown = escape(fitted(line, box.width - 2 * _MARGIN))
            yield f'<text class="note-line" x="{_number(_MARGIN)}" y="{y}">{shown}</text>'


def _moved(x: float, y: float) -> str:
    return f"translate({_number(x)} {_number(y)})"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
