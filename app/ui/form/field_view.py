"""One input of a workflow: its label, its control, its hint, and what is wrong with it."""

from __future__ import annotations

import htpy as h

from app.ui.form.arrange_view import tools
from app.ui.form.controls import control, field_id, list_trouble, seed_modes, shown_label
from app.ui.form.recent_view import recent_values
from app.ui.form.state import FieldView
from app.ui.form.upload_view import upload
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.parts_html import icon
from app.workflows.forms.fields import Decimal, Seed, Switch, Upload, Whole


def field(view: FieldView, _: Translator) -> h.Element:
    """A field of any kind."""
    item = view.field
    if isinstance(item.kind, Upload):
        return upload(view, _, fault(view, _))
    name = field_id(item)
    is_label_beside = isinstance(item.kind, Switch)
    return h.div(
        class_=["field", {"is-half": item.is_half, "is-switch": is_label_beside, "has-fault": view.fault is not None}]
    )[
        h.div(".field-head")[
            h.label(for_=name)[shown_label(item.label, _)],
            isinstance(item.kind, Whole | Decimal) and item.kind.is_slider and h.output(for_=name)[_number(view, _)],
            recent_values(view, name, _),
            isinstance(item.kind, Seed) and seed_modes(view, _),
        ],
        tools(view, _),
        control(view, _),
        list_trouble(view, _),
        item.hint and h.p(".hint", id=f"{name}-hint")[shown_label(item.hint, _)],
        fault(view, _),
    ]


def fault(view: FieldView, _: Translator) -> h.Element | None:
    """What is wrong with what stands in the field."""
    if view.fault is None:
        return None
    words = word_error(view.fault, _)
    return h.p(".fault", id=f"{field_id(view.field)}-fault", role="alert")[
        icon("warning"), h.span[words.title, " " if words.advice else "", words.advice]
    ]


def _number(view: FieldView, _: Translator) -> str:
    try:
        return _.formats.number(float(view.value), 2)
    except ValueError:
        return view.value
