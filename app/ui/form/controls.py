"""The attributes of an input's control, and the texts in it."""

from __future__ import annotations

import json

from app.session import ModelFile
from app.ui.form.state import FieldView, OptionList
from app.ui.kit.i18n import Translator
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Choice, Decimal, Seed, Text, Whole, text_of_option
from app.workflows.forms.prompts import is_prompt, takes_loras
from app.workflows.wildcards import seems_meant

EXACT = 2**53  # past it, a browser's own number field loses digits
LONGEST_RAW = 2_000  # characters shown of what cannot be changed
LONGEST_RECENT = 160  # characters shown of a recent value
LONGEST_HINT = 60  # characters of a hint below its field; a longer one is behind a button


def field_id(item: Field, prefix: str = "field") -> str:
    """Return the id of a field's control, or of another element of the field."""
    return f"{prefix}-{item.node_id}-{'-'.join(item.input_name.split())}"


def control_facts(view: FieldView, event: str, suffix: str = "", action: str = "field") -> dict[str, str]:
    """The attributes of any control that can be changed; `event` is "input" or "change"."""
    item = view.field
    name = field_id(item)
    described = [f"{name}-hint"] if item.hint else []
    described += [f"{name}-draws"] if is_prompt(item) else []
    described += [f"{name}-sent-as-is"] if is_sent_as_is(view) else []
    described += [f"{name}-trouble"] if view.list_error is not None else []
    described += [f"{name}-fault"] if view.fault else []
    return {
        "id": f"{name}{suffix}",
        "data-testid": f"{name}{suffix}",
        f"data-{event}": action,
        "data-node": item.node_id,
        "data-name": item.input_name,
        **({"aria-describedby": " ".join(described)} if described else {}),
        **({"aria-invalid": "true"} if view.fault else {}),
        "autocomplete": "off",
    }


def is_sent_as_is(view: FieldView) -> bool:
    """Return whether the text seems to be written to be drawn, in a field where nothing is drawn."""
    return isinstance(view.field.kind, Text) and not is_prompt(view.field) and seems_meant(view.value)


def completion_facts(item: Field) -> dict[str, str]:
    """The attributes of a text in which `static/js/complete.js` offers words."""
    offered = [*(["wildcards"] if is_prompt(item) else []), *(["loras"] if takes_loras(item) else [])]
    return {"data-complete": " ".join(offered), "aria-autocomplete": "list"}


def number_facts(kind: Seed | Whole | Decimal) -> dict[str, str]:
    """The attributes of a control for numbers; one for numbers that a browser would round is a text field."""
    if not isinstance(kind, Seed) and kind.is_slider:
        return {"type": "range", **_limits(kind)}
    return typed_number_facts(kind)


def typed_number_facts(kind: Seed | Whole | Decimal) -> dict[str, str]:
    """The attributes of a field in which a number is typed."""
    mode = "decimal" if isinstance(kind, Decimal) else "numeric"
    if isinstance(kind, Seed) or (isinstance(kind, Whole) and not _is_exact(kind)):
        return {"type": "text", "inputmode": mode, "class": "numeric"}
    return {"type": "number", "inputmode": mode, "class": "numeric", **_limits(kind)}


def _is_exact(kind: Whole) -> bool:
    return all(limit is None or abs(limit) <= EXACT for limit in (kind.minimum, kind.maximum))


def _limits(kind: Whole | Decimal) -> dict[str, str]:
    step = kind.step if isinstance(kind, Whole) else kind.step or "any"
    limits = {"min": kind.minimum, "max": kind.maximum, "step": step}
    return {name: str(limit) for name, limit in limits.items() if limit is not None}


def left_out_value(item: Field) -> str:
    """The value that a node takes for an input that the workflow leaves out."""
    left_out = item.is_absent and item.is_optional and item.value is not None
    return text_of_option(item.value) if left_out else ""


def option_texts(choice: Choice | OptionList) -> list[str]:
    """The options as they are sent."""
    return [text_of_option(option) for option in choice.options]


def list_json(item: OptionList, _: Translator) -> str:
    """Return a list of choices for `static/js/combo.js`: each value, with its label if it has one.

    Models also have the address of a picture, and a size.
    """
    texts = option_texts(item)
    if item.models:
        return json.dumps([_described(text, item.models.get(text), _) for text in texts], ensure_ascii=False)
    labels = [_.known(label) for label in item.labels]
    return json.dumps(list(zip(texts, labels, strict=True)) if labels else texts, ensure_ascii=False)


def _described(text: str, file: ModelFile | None, _: Translator) -> list[str]:
    if file is None:
        return [text, text]
    return [text, text, file.preview, _.formats.size(file.size) if file.size else ""]


def shortened(text: str, most: int) -> str:
    """The first `most` characters of a longer text."""
    return text if len(text) <= most else f"{text[:most]} …"
