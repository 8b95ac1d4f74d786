"""What can be done to a field's place and name, while the person arranges the form."""

from __future__ import annotations

import htpy as h

from app.ui.form.state import FieldView, Place
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import icon
from app.workflows.forms.fields import Field

_SAME = {"unpin": "pin", "show": "hide"}  # one button for the way there and back


def tools(view: FieldView, _: Translator) -> h.Element | None:
    """The tools of one field; nothing while nobody arranges."""
    item, place = view.field, view.place
    if place is None:
        return None
    known = _.known(item.label)
    return h.div(".arrange-tools", role="group", aria_label=_("Arrange “{name}”", name=known), translate="no")[
        h.input(
            type="text",
            id=f"name-{item.node_id}-{'-'.join(item.input_name.split())}",
            value=known,
            aria_label=_("Name of “{name}”", name=known),
            data_change="rename",
            data_node=item.node_id,
            data_name=item.input_name,
            autocomplete="off",
        ),
        place is Place.TOP
        and h.fragment[
            _tool(_("Move “{name}” up", name=known), "pin-up", "up", item),
            _tool(_("Move “{name}” down", name=known), "pin-down", "chevron", item),
            _tool(_("Take “{name}” from the top", name=known), "unpin", "unpin", item),
        ],
        place is Place.BELOW and _tool(_("Put “{name}” on top", name=known), "pin", "pin", item),
        _tool(_("Show “{name}” again", name=known), "show", "look", item)
        if place is Place.HIDDEN
        else _tool(_("Hide “{name}”", name=known), "hide", "hide", item),
    ]


def _tool(label: str, action: str, icon_name: str, item: Field) -> h.Element:
    """A button that keeps the focus while its field moves."""
    return h.button(
        ".button.icon-only",
        type="button",
        id=f"{_SAME.get(action, action)}-{item.node_id}-{'-'.join(item.input_name.split())}",
        data_action=action,
        data_node=item.node_id,
        data_name=item.input_name,
        aria_label=label,
        title=label,
    )[icon(icon_name)]
