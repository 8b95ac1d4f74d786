"""Primitive nodes: the editor's own; each sets its one value in the widgets that it is linked to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.workflows.catalogue_inputs import InputSpec
from app.workflows.editor.nodes import PRIMITIVE, LiveGraph, LiveNode, Place, saved_values, virtual_nodes
from app.workflows.editor.problems import Problem, Reason, refuse

_DECIMALS = 10**9


def feed_primitives(graph: LiveGraph) -> None:
    """Set each primitive's value in its targets, and remember that it is stored in the primitive."""
    for node in virtual_nodes(graph, PRIMITIVE):
        targets = _targets(node, graph)
        if not targets:
            continue
        place, value = _value(node, targets)
        node.suits = [spec for target in targets if (spec := _spec(target)) is not None]
        value = _within(value, node.suits)
        node.values = [value]
        if place is not None:
            node.origins[0] = place
        for target, index in targets:
            _feed(node, target, index)


def feed(primitive: LiveNode, target: LiveNode | None, slot: int) -> bool:
    """Set a primitive's value in another target; False if that input has no widget."""
    index = None if target is None else slot if target.graph is not None else target.widget_at(slot)
    if target is None or index is None or target.input_widgets[slot] is None:
        return False
    if not primitive.values:
        detail = "a primitive that is linked to no widget"
        raise refuse(Problem(Reason.NEEDS_EDITOR, primitive.node_id, primitive.type, primitive.title, detail))
    _feed(primitive, target, index)
    return True


def _feed(primitive: LiveNode, target: LiveNode, index: int) -> None:
    target.values[index] = _settled(primitive.values[0], _spec((target, index)))
    target.fed_by[index] = primitive
    if primitive.origins.get(0) != (target, index):
        target.origins[index] = (primitive, 0)


def fed(place: Place, value: object) -> object:
    """The value of an input after the primitive that feeds it (if any) has set it."""
    primitive = place[0].fed_by.get(place[1])
    return value if primitive is None else _settled(_within(value, primitive.suits), _spec(place))


def _targets(node: LiveNode, graph: LiveGraph) -> list[Place]:
    """The widgets that a primitive leads to."""
    found: list[Place] = []
    for link in graph.leaving(node.node_id):
        target = graph.nodes.get(link.target)
        if target is None:
            continue
        if target.graph is not None:
            if 0 <= link.target_slot < len(target.input_widgets) and target.input_widgets[link.target_slot] is not None:
                found.append((target, link.target_slot))
            continue
        index = target.widget_at(link.target_slot)
        if index is not None:
            found.append((target, index))
    return found


def _value(node: LiveNode, targets: Sequence[Place]) -> tuple[Place | None, object]:
    """A primitive's own value, if it was saved for such a widget; else that of the first widget, and its place."""
    first, index = targets[0]
    spec = _spec(targets[0])
    outputs = node.raw.get("outputs")
    output = outputs[0] if isinstance(outputs, list) and outputs else None
    kind = output.get("type") if isinstance(output, dict) else None
    saved = saved_values(node.raw)
    if saved and isinstance(kind, str) and (spec is None or kind == spec.type):
        value = saved[0]
        if value is None and spec is not None and spec.options:
            value = spec.options[0]
        return None, value
    return (first, index), first.values[index]


def _spec(place: Place) -> InputSpec | None:
    node, index = place
    return None if node.graph is not None else node.widgets[index].spec


def _within(value: object, specs: Sequence[InputSpec]) -> object:
    """A primitive's number, within the limits and by the steps of all its widgets."""
    if not specs or specs[0].type not in ("INT", "FLOAT") or not _is_number(value):
        return value
    assert isinstance(value, int | float)
    kind, step = specs[0].type, 1.0
    low, high = -math.inf, math.inf
    for number, spec in enumerate(specs):
        least = -math.inf if spec.minimum is None else spec.minimum
        most = math.inf if spec.maximum is None else spec.maximum
        if spec.type != kind or least > high or most < low:
            continue
        low, high = max(low, least), min(high, most)
        step = (spec.step or 1) if number == 0 else _common(step, spec.step or 1)
    found = low if value < low else high if value > high else value
    if math.isinf(found):
        return found
    return _stepped(found, low, step) if kind == "INT" else _rounded(found, low, high, step, specs[0].round)


def _settled(value: object, spec: InputSpec | None) -> object:
    """The number after a widget has adjusted it: an integer by its step, or rounded."""
    if spec is None or spec.type not in ("INT", "FLOAT") or not _is_number(value):
        return value
    assert isinstance(value, int | float)
    low, high = spec.minimum or 0, 2048 if spec.maximum is None else spec.maximum
    if spec.type == "INT":
        return _stepped(value, low, spec.step or 1)
    return _rounded(value, low, high, 0.5 if spec.step is None else spec.step, spec.round)


def _is_number(value: object) -> bool:
    is_finite = math.isfinite(value) if isinstance(value, float) else isinstance(value, int)
    return is_finite and not isinstance(value, bool)


def _common(one: float, other: float) -> float:
    """The least common multiple of two steps, which are integers or short decimals."""
    return math.lcm(round(one * _DECIMALS), round(other * _DECIMALS)) / _DECIMALS or one


def _stepped(value: int | float, low: int | float, step: float) -> int:
    by, whole = max(1, int(step)), value if isinstance(value, int) else math.floor(value + 0.5)
    offset = 0 if math.isinf(low) else int(low) % by
    return (2 * (whole - offset) + by) // (2 * by) * by + offset


def _rounded(value: float, low: float, high: float, step: float, unit: float | None) -> float:
    """Rounded to as many digits as the step has, as the editor's field for decimals does."""
    places = max(0, -math.floor(math.log10(step))) if step > 0 else 0
    by = unit or (10.0**-places if places else 0)
    if not by:
        return value
    return min(max(round(math.floor(value / by + 0.5) * by, places), low), high)
