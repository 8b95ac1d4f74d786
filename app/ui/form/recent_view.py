"""The menu of a field's recent values: a quiet button that shows while the field is looked at, and its list."""

from __future__ import annotations

import htpy as h

from app.ui.form.state import FieldView
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import icon

LONGEST = 160  # characters shown of a value


def recent_values(view: FieldView, name: str, _: Translator) -> h.Node:
    """The button and the list for a field with that id; nothing where nothing was used lately."""
    if not view.recent:
        return None
    item, list_id = view.field, f"{name}-recent"
    label = _("Recent values of “{name}”", name=_.known(item.label))
    return h.fragment[
        h.button(
            ".button.icon-only.recent-open",
            type="button",
            id=f"{name}-recent-open",
            popovertarget=list_id,
            aria_label=label,
            title=_("Recent values (Alt+↓)"),
            translate="no",
        )[icon("clock")],
        h.div(".recent-list", id=list_id, popover="auto", role="group", aria_label=label, translate="no")[
            (
                h.button(
                    type="button",
                    popovertarget=list_id,
                    popovertargetaction="hide",
                    data_action="use-recent",
                    data_node=item.node_id,
                    data_name=item.input_name,
                    data_text=text,
                    data_field=name,
                    autofocus=number == 0,  # of the list, when it is opened
                )[h.span[text if len(text) <= LONGEST else f"{text[:LONGEST]} …"]]
                for number, text in enumerate(view.recent)
            )
        ],
    ]
