"""Another value for every field of a workflow, as a user might have typed it."""

from __future__ import annotations

from app.workflows.catalogue_inputs import DYNAMIC_COMBO, InputSpec
from app.workflows.editor.conversion import Conversion, EditableValue, Key


def other_values(conversion: Conversion) -> dict[Key, object]:
    """A changed value for each field; those that have one place get one value. Choices that bring inputs are left."""
    changed: dict[tuple[str, str, int], object] = {}
    for field in conversion.fields.values():
        if field.spec is None or field.spec.type != DYNAMIC_COMBO:
            changed.setdefault(field.place, _other(field))
    return {key: changed[field.place] for key, field in conversion.fields.items() if field.place in changed}


def _other(field: EditableValue) -> object:
    spec, value = field.spec, field.value
    options = spec.options if spec is not None else None
    if options:
        return next((option for option in reversed(options) if option != value), value)
    match value:
        case bool():
            return not value
        case int() | float():
            return _other_number(value, spec)
        case str():
            return f"{value} changed\nтекст 文字"
        case list():
            return [*value, "added"]
    return "something"


def _other_number(value: float, spec: InputSpec | None) -> float:
    """By a step and within the limits: a primitive's value is brought there by the editor."""
    low = spec.minimum if spec is not None and spec.minimum is not None else value - 100
    high = spec.maximum if spec is not None and spec.maximum is not None else value + 100
    step = spec.step if spec is not None and spec.step else 2
    for other in (value + step, value - step, low, high):
        if low <= other <= high and other != value:
            return other if isinstance(other, int) else round(other, 6)
    return value
