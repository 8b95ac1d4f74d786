"""Positions for a drawing that has none: the question to the layout engine, and its answer applied to the sketch.

answer = await arrange(question(sketch))      # `app/browser/layout.py`; both are JSON texts
placed = arranged(sketch, answer)

    {"boxes": [[width, height], …], "lines": [[source, target], …]}      # lines by the boxes' numbers
    {"places": [[x, y], …], "bends": [[[x, y], …], …]}                   # upper left corners; points on each line's way
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

from app.core.errors import LayoutError, reason_of
from app.workflows.drawing.drawing import Point, Sketch


def question(sketch: Sketch) -> str:
    """The question to the layout engine."""
    numbers = {node_id: number for number, node_id in enumerate(sketch.boxes)}
    return json.dumps(
        {
            "boxes": [[box.width, box.height] for box in sketch.boxes.values()],
            "lines": [[numbers[line.source], numbers[line.target]] for line in sketch.lines],
        }
    )


def arranged(sketch: Sketch, answer: str) -> Sketch:
    """The sketch with its positions; LayoutError if the answer does not fit this sketch."""
    try:
        parsed = json.loads(answer)
        places = [_point(item) for item in parsed["places"]]
        bends = [tuple(map(_point, item)) for item in parsed["bends"]]
        boxes = {
            node_id: replace(box, x=x, y=y) for (node_id, box), (x, y) in zip(sketch.boxes.items(), places, strict=True)
        }
        lines = tuple(replace(line, bends=points) for line, points in zip(sketch.lines, bends, strict=True))
    except (ValueError, TypeError, KeyError) as error:
        raise LayoutError("bad-answer", reason_of(error)) from error
    return replace(sketch, boxes=boxes, lines=lines, is_placed=True)


def _point(item: object) -> Point:
    match item:
        case [int() | float() as x, int() | float() as y] if math.isfinite(x) and math.isfinite(y):
            return float(x), float(y)
    raise ValueError(f"no point: {item!r}")
