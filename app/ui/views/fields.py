"""One input of a workflow as a native control, with what is wrong with it."""

from __future__ import annotations

import htpy as h

from app.ui.i18n import Translator
from app.ui.messages import word_error
from app.ui.samples import FieldKind, FormField
from app.ui.state import FieldView
from app.ui.views.parts import icon, icon_button


def field(view: FieldView, _: Translator) -> h.Element:
    """A field with its label, control, hint and fault."""
    item = view.field
    if item.kind is FieldKind.PICTURE:
        return _picture(view, _)
    return h.div(class_=["field", {"is-half": item.is_half, "has-fault": view.fault is not None}])[
        h.div(".field-head")[
            h.label(for_=_id(item))[_.known(item.label)],
            item.kind is FieldKind.SLIDER and h.output(for_=_id(item))[_number(view, _)],
            item.kind is FieldKind.SEED and _seed_toggle(view, _),
        ],
        _control(view, _),
        item.hint and h.p(".hint", id=f"{_id(item)}-hint")[_.known(item.hint)],
        _fault(view, _),
    ]


def _id(item: FormField) -> str:
    return f"field-{item.node_id}-{item.input_name}"


def _common(view: FieldView) -> dict[str, str | bool | None]:
    item = view.field
    described = [f"{_id(item)}-hint"] if item.hint else []
    described += [f"{_id(item)}-fault"] if view.fault else []
    return {
        "id": _id(item),
        "data-testid": _id(item),
        "data-input": "field",
        "data-node": item.node_id,
        "data-name": item.input_name,
        "aria-describedby": " ".join(described) or None,
        "aria-invalid": "true" if view.fault else None,
        "autocomplete": "off",
    }


def _control(view: FieldView, _: Translator) -> h.Renderable:
    item, value = view.field, view.value
    match item.kind:
        case FieldKind.TEXT:
            return h.textarea(_common(view), rows="3", spellcheck="true", translate="no")[value]
        case FieldKind.CHOICE:
            return h.div(".select")[
                h.select(_common(view))[
                    (
                        h.option(value=option.value, selected=option.value == value)[_.known(option.label)]
                        for option in item.options
                    )
                ],
                icon("chevron"),
            ]
        case FieldKind.SLIDER:
            return h.input(_common(view), type="range", value=value, **_range(item))
        case FieldKind.SEED:
            return h.input(_common(view), type="text", inputmode="numeric", value=value, class_="numeric")
    return h.input(_common(view), type="number", inputmode="numeric", value=value, class_="numeric", **_range(item))


def _range(item: FormField) -> dict[str, str | None]:
    step = item.step if item.step is not None else 1 if item.is_whole else "any"
    return {
        "min": None if item.minimum is None else str(item.minimum),
        "max": None if item.maximum is None else str(item.maximum),
        "step": str(step),
    }


def _number(view: FieldView, _: Translator) -> str:
    try:
        return _.formats.number(float(view.value), 2)
    except ValueError:
        return view.value


def _seed_toggle(view: FieldView, _: Translator) -> h.Element:
    item = view.field
    return h.label(".toggle")[
        h.input(
            type="checkbox",
            id=f"{_id(item)}-fixed",
            checked=not view.is_fixed,
            data_change="seed-mode",
            data_node=item.node_id,
            data_name=item.input_name,
        ),
        h.span[_("new for each run")],
    ]


def _fault(view: FieldView, _: Translator) -> h.Element | None:
    if view.fault is None:
        return None
    words = word_error(view.fault, _)
    return h.p(".fault", id=f"{_id(view.field)}-fault", role="alert")[
        icon("warning"), h.span[words.title, " " if words.advice else "", words.advice]
    ]


def _picture(view: FieldView, _: Translator) -> h.Element:
    item, picture = view.field, view.picture
    label = _.known(item.label)
    return h.div(class_=["field", {"has-fault": view.fault is not None}])[
        h.div(".field-head")[
            h.span(".label", id=f"{_id(item)}-label")[label],
            picture is not None
            and icon_button(
                _("Take the picture out"), "clear-picture", "close", node=item.node_id, name=item.input_name
            ),
        ],
        h.label(
            class_=["drop", {"has-picture": picture is not None, "is-checking": view.is_checking}],
            data_testid=f"drop-{item.node_id}-{item.input_name}",
            data_drop="",
            data_node=item.node_id,
            data_name=item.input_name,
        )[
            h.input(
                ".visually-hidden",
                type="file",
                accept="image/*",
                id=_id(item),
                aria_labelledby=f"{_id(item)}-label",
                aria_describedby=f"{_id(item)}-fault" if view.fault else None,
                data_files="",
                data_node=item.node_id,
                data_name=item.input_name,
            ),
            _filled(view, _) if picture else _empty(view, _),
        ],
        _fault(view, _),
    ]


def _filled(view: FieldView, _: Translator) -> h.Node:
    picture = view.picture
    if picture is None:
        return None
    facts = _("{width} × {height}", width=picture.width, height=picture.height)
    return h.fragment[
        h.img(".drop-picture", src=picture.url, alt=picture.picked.name, translate="no"),
        h.span(".drop-facts")[
            h.span(".drop-name", translate="no")[picture.picked.name],
            h.span(".quiet.numeric")[f"{facts} · {_.formats.size(picture.picked.blob.size)}"],
        ],
    ]


def _empty(view: FieldView, _: Translator) -> h.Node:
    if view.is_checking:
        return h.span(".drop-words")[_("Reading the picture …")]
    return h.fragment[
        icon("picture", "drop-icon"),
        h.span(".drop-words")[h.strong[_("Drop a picture here")], h.span(".quiet")[_("paste it, or click to choose")]],
    ]
