"""The dialogs about what waits: one run to be changed, and what of this window's work is to be stopped."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button, own, task_title
from app.ui.kit.words import SEPARATOR
from app.ui.runs.edit import EditField, EditView
from app.ui.runs.waiting import CancelView, PlanItem

NAMES = "edit-names"  # the list of inputs that could be changed too


def edit(view: EditView, _: Translator) -> h.Element:
    """One run that waits."""
    return h.dialog(
        ".dialog.many.edit", data_modal="", id=f"edit-{view.prompt_id}", aria_labelledby="edit-title",
        data_testid="edit-dialog",
    )[
        h.div(".dialog-head")[
            h.h2(id="edit-title")[_("Change this run")],
            h.span(".quiet.many-of")[task_title(view.title, _)],
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        h.p(role="status")[_("It is on its way already, and can only be cancelled.")]
        if view.is_gone
        else _fields(view, _),
        h.div(".dialog-actions")[
            action_button(_("Close") if view.is_gone else _("Leave it"), "close-dialog"),
            not view.is_gone
            and action_button(
                _("Save"), "save-edit", class_="is-primary", disabled=not view.is_ready, testid="save-edit"
            ),
        ],
        h.div(data_kept="combo", class_="combo-home"),
    ]  # fmt: skip


def _fields(view: EditView, _: Translator) -> h.Node:
    return h.fragment[
        h.div(".many-body")[
            (_field(item, number, _) for number, item in enumerate(view.fields)),
            bool(view.names) and _more(_),
        ],
        view.is_on_sheet
        and h.p(".hint.edit-note")[
            _("With other values it leaves the contact sheet: its row and column would not be true.")
        ],
    ]


def _field(item: EditField, number: int, _: Translator) -> h.Element:
    id_ = f"edit-field-{number}"
    facts = {
        "id": id_,
        "data-testid": id_,
        "data-input": "edit",
        "data-node": item.key[0],
        "data-name": item.key[1],
        "aria-invalid": "true" if item.is_wrong else None,
        "aria-describedby": f"{id_}-fault" if item.is_wrong else None,
        "autocomplete": "off",
        "translate": "no",
    }
    return h.div(class_=["field", {"has-fault": item.is_wrong}])[
        h.div(".field-head")[h.label(for_=id_)[own(item.name)]],
        h.textarea(facts, rows="3")[item.text] if item.is_long else h.input(facts, type="text", value=item.text),
        item.is_wrong
        and h.p(".fault", id=f"{id_}-fault", role="alert")[icon("warning"), h.span[_("This has to be a number.")]],
    ]


def _more(_: Translator) -> h.Element:
    return h.div(".field")[
        h.div(".field-head")[h.label(for_="edit-more")[_("Change another input too")]],
        h.div(".select")[
            h.input(
                id="edit-more", data_testid="edit-more", data_change="edit-more", type="text", role="combobox",
                aria_expanded="false", aria_autocomplete="list", aria_haspopup="listbox", data_options=NAMES,
                data_node=":edit", data_name="more", value="", spellcheck="false", autocomplete="off", translate="no",
            ),
            icon("chevron"),
        ],
    ]  # fmt: skip


def cancel_mine(view: CancelView, _: Translator) -> h.Element:
    """What is to be stopped."""
    return h.dialog(
        ".dialog.ask", data_modal="", id="cancel-mine", aria_labelledby="cancel-mine-title", data_testid="cancel-dialog"
    )[
        h.h2(id="cancel-mine-title")[_("Cancel this window's work?")],
        h.p(".message-advice")[
            _("What waits is taken back, and what is on a server is stopped there. Other windows' work goes on.")
        ],
        h.ul(".plan-list")[
            (_plan(item, _) for item in view.plans if len(view.plans) > 1),
            _plan(view.everything, _),
        ],
        h.div(".dialog-actions")[
            h.button(".button", type="button", data_action="close-dialog", autofocus=True)[_("Leave it")]
        ],
    ]


def _plan(item: PlanItem, _: Translator) -> h.Element:
    counts = [
        item.waiting > 0 and _("{waiting} waiting", waiting=item.waiting),
        item.running > 0 and _("{count} on a server", count=item.running),
    ]
    is_all = item.batch_id is None
    return h.li(".plan-item", data_testid="plan")[
        h.span(".plan-text")[
            h.strong[_("All of this window") if is_all else task_title(item.title, _)],
            h.span(".quiet.numeric")[SEPARATOR.join(count for count in counts if count) or _("nothing under way")],
        ],
        action_button(
            _("Cancel all") if is_all else _("Cancel"),
            "cancel-mine",
            icon_name="stop",
            class_="is-small is-danger" if is_all else "is-small",
            disabled=not (item.waiting or item.running),
            batch_id=item.batch_id or "",
            testid="cancel-mine",
        ),
    ]
