"""The native control of each kind of field. Long lists of choices are typed into, and `static/js/combo.js` offers them.

What is typed is told at once (`data-input`); a choice is told when it is made (`data-change`).
"""

from __future__ import annotations

import htpy as h

from app.ui.form.state import FieldView
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.parts_html import icon, own
from app.workflows.forms.fields import (
    FALSE,
    TRUE,
    Choice,
    Decimal,
    Field,
    Seed,
    SeedMode,
    Switch,
    Text,
    Unknown,
    Whole,
    text_of_option,
)

EXACT = 2**53  # past it, a browser's own number field loses digits
LONGEST_RAW = 2_000  # characters shown of what cannot be changed


def field_id(item: Field) -> str:
    """The id of a field's control."""
    return f"field-{item.node_id}-{'-'.join(item.input_name.split())}"


def shown_label(text: str, _: Translator) -> h.Node:
    """A label of ours in the page's language, a node's own as it is."""
    known = _.known(text)
    return known if known != text or _.language == "en" else own(text)


def control(view: FieldView, _: Translator) -> h.Renderable:
    """The control by the field's kind."""
    item, value = view.field, view.value
    match item.kind:
        case Text(is_multiline=True, placeholder=placeholder):
            facts = _facts(view, "input")
            return h.textarea(facts, rows="3", spellcheck="true", translate="no", placeholder=placeholder)[value]
        case Text(placeholder=placeholder):
            return h.input(_facts(view, "input"), type="text", value=value, placeholder=placeholder, translate="no")
        case Choice(options, labels):
            return combo(view, _) if view.list_id else _menu(view, options, labels, _)
        case Switch(label_on, label_off):
            return _switch(view, label_on if value == TRUE else label_off, _)
        case Seed():
            return _number(view, "text")
        case Whole(low, high, step, is_slider):
            is_exact = all(limit is None or abs(limit) <= EXACT for limit in (low, high))
            return _number(view, "range" if is_slider else "number" if is_exact else "text", low, high, step)
        case Decimal(low, high, decimal_step, is_slider):
            return _number(view, "range" if is_slider else "number", low, high, decimal_step or "any")
        case Unknown():
            return _raw(view, _)
    raise TypeError(item.kind)


def combo(view: FieldView, _: Translator, suffix: str = "") -> h.Element:
    """A text field with thousands of choices."""
    item = view.field
    return h.div(".select")[
        h.input(
            _facts(view, "change", suffix),
            type="text",
            role="combobox",
            aria_expanded="false",
            aria_autocomplete="list",
            aria_haspopup="listbox",
            data_options=view.list_id,
            value=view.value,
            placeholder=_placeholder(item),
            spellcheck="false",
            translate="no",
        ),
        icon("chevron"),
    ]


def list_trouble(view: FieldView, _: Translator) -> h.Element | None:
    """Why choices that lie on a server are not offered; what stands in the field stays, and may be typed over."""
    if view.list_error is None:
        return None
    words = word_error(view.list_error, _)
    return h.p(".hint", data_testid="list-trouble")[
        _("The choices are not known: {cause} A name can be typed all the same.", cause=words.title)
    ]


def seed_modes(view: FieldView, _: Translator) -> h.Element:
    """What happens to a seed with each run."""
    words = {
        SeedMode.RANDOM: _("new for each run"),
        SeedMode.FIXED: _("always the same"),
        SeedMode.UP: _("one more each run"),
        SeedMode.DOWN: _("one less each run"),
    }
    item = view.field
    return h.span(".mini-select")[
        h.select(
            id=f"{field_id(item)}-mode",
            aria_label=_("After each run"),
            data_change="seed-mode",
            data_node=item.node_id,
            data_name=item.input_name,
            autocomplete="off",
        )[(h.option(value=mode.value, selected=mode is view.mode)[word] for mode, word in words.items())],
        icon("chevron"),
    ]


def _facts(view: FieldView, event: str, suffix: str = "") -> dict[str, str | None]:
    item = view.field
    name = field_id(item)
    described = [f"{name}-hint"] if item.hint else []
    described += [f"{name}-fault"] if view.fault else []
    return {
        "id": f"{name}{suffix}",
        "data-testid": f"{name}{suffix}",
        f"data-{event}": "field",
        "data-node": item.node_id,
        "data-name": item.input_name,
        "aria-describedby": " ".join(described) or None,
        "aria-invalid": "true" if view.fault else None,
        "autocomplete": "off",
    }


def _placeholder(item: Field) -> str | None:
    """Of an input that the workflow leaves out, what the node then takes."""
    left_out = item.is_absent and item.is_optional and item.value is not None
    return text_of_option(item.value) if left_out else None


def _menu(view: FieldView, options: tuple[object, ...], labels: tuple[str, ...], _: Translator) -> h.Element:
    texts = [text_of_option(option) for option in options]
    words: list[h.Node] = [_.known(label) for label in labels] or [*texts]
    is_there = view.value in texts
    return h.div(".select")[
        h.select(_facts(view, "input"), translate=None if labels else "no")[
            not is_there and h.option(value=view.value, selected=True)[view.value],
            (h.option(value=text, selected=text == view.value)[word] for text, word in zip(texts, words, strict=True)),
        ],
        icon("chevron"),
    ]


def _switch(view: FieldView, word: str, _: Translator) -> h.Element:
    is_on = view.value == TRUE
    facts = {**_facts(view, "change"), "data-change": "switch"}
    return h.span(".switch-line")[
        h.span(".quiet", aria_hidden="true")[own(word) if word else _("on") if is_on else _("off")],
        h.input(".switch", facts, type="checkbox", role="switch", checked=is_on, value=TRUE if is_on else FALSE),
    ]


def _number(
    view: FieldView, type_: str, low: float | None = None, high: float | None = None, step: float | str | None = None
) -> h.VoidElement:
    is_text = type_ == "text"
    return h.input(
        _facts(view, "input"),
        type=type_,
        inputmode="decimal" if isinstance(view.field.kind, Decimal) else "numeric",
        value=view.value,
        class_=None if type_ == "range" else "numeric",
        placeholder=_placeholder(view.field),
        min=None if is_text or low is None else str(low),
        max=None if is_text or high is None else str(high),
        step=None if is_text or step is None else str(step),
    )


def _raw(view: FieldView, _: Translator) -> h.VoidElement:
    """What cannot be changed here; it is sent as it is, all of it."""
    name = field_id(view.field)
    shown = view.value if len(view.value) <= LONGEST_RAW else f"{view.value[:LONGEST_RAW]} …"
    return h.input(
        ".raw",
        type="text",
        id=name,
        readonly=True,
        value=shown,
        translate="no",
        aria_description=_("cannot be changed here"),
    )
