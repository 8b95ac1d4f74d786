"""The picker of workflows, and what stands on top of the chosen one's form."""

from __future__ import annotations

import htpy as h

from app.ui.form_state import FormView, WorkflowEntry
from app.ui.i18n import Translator
from app.ui.views.controls import told
from app.ui.views.fields import field
from app.ui.views.parts import action_button, icon, icon_button, panel_title
from app.ui.workflows import SHIPPED_IDS, OpenWorkflow


def form(view: FormView, _: Translator) -> h.Node:
    """The content of `#form`."""
    return h.fragment[
        panel_title(_("New work"), h.div(".form-tools")[_tools(view, _)]),
        h.fieldset(".picker", data_testid="workflow-picker")[
            h.legend(".visually-hidden")[_("Workflow")],
            (_entry(entry, view.chosen, _) for entry in view.entries),
        ],
        view.is_searchable and _search(view, _),
        view.chosen is not None
        and h.div(
            ".fields",
            id=f"fields-{view.chosen.workflow_id}",
            role="group",
            aria_labelledby=f"pick-{view.chosen.workflow_id}-title",
        )[(field(item, _) for item in view.fields)],
    ]


def _tools(view: FormView, _: Translator) -> h.Node:
    if view.chosen is None:
        return None
    return h.fragment[
        icon_button(_("See the graph"), "open-graph", "graph", testid="open-form-graph"),
        view.is_arranging and action_button(_("As it was"), "arrange-anew", class_="is-quiet"),
        icon_button(_("Undo"), "undo", "undo", disabled=not view.can_undo),
        icon_button(_("Redo"), "redo", "redo", disabled=not view.can_redo),
        h.button(
            class_=["button", "icon-only", {"is-pressed": view.is_arranging}],
            type="button",
            data_action="arrange",
            data_testid="arrange",
            aria_pressed="true" if view.is_arranging else "false",
            aria_label=_("Arrange the form"),
            title=_("Arrange the form"),
        )[icon("arrange")],
    ]


def _search(view: FormView, _: Translator) -> h.Element:
    return h.div(".form-search")[
        icon("search"),
        h.input(
            type="search",
            id="form-search",
            value=view.query,
            placeholder=_("Search all inputs"),
            aria_label=_("Search all inputs"),
            data_input="search",
            data_testid="form-search",
            autocomplete="off",
        ),
    ]


def _entry(entry: WorkflowEntry, chosen: OpenWorkflow | None, _: Translator) -> h.Element:
    opened = entry.workflow
    is_chosen = chosen is not None and chosen.workflow_id == opened.workflow_id
    flow = opened.workflow_id if opened.workflow_id in SHIPPED_IDS else "own"
    return h.label(class_=["pick", {"is-chosen": is_chosen, "is-impossible": not entry.is_possible}])[
        h.input(
            type="radio",
            name="workflow",
            value=opened.workflow_id,
            id=f"pick-{opened.workflow_id}",
            checked=is_chosen,
            data_change="workflow",
        ),
        icon(f"flow-{flow}", "pick-icon"),
        h.span(".pick-text")[
            h.span(".pick-title", id=f"pick-{opened.workflow_id}-title")[told(opened.title, _)],
            is_chosen and opened.about and h.span(".pick-about")[told(opened.about, _)],
            not entry.is_possible and h.span(".pick-lack")[_("Needs a demo server; this fleet has none.")],
        ],
    ]
