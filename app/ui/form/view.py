"""The picker of workflows, and what stands on top of the chosen one's form."""

from __future__ import annotations

import htpy as h

from app.ui.form.controls import shown_label
from app.ui.form.field_view import field
from app.ui.form.open_workflow import SHIPPED_IDS
from app.ui.form.picker import Opening, WorkflowEntry
from app.ui.form.state import FormView
from app.ui.kit.errors_html import told_error
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import empty, panel_title
from app.ui.kit.parts_html import action_button, icon, icon_button
from app.ui.kit.source_words import word_note


def form(view: FormView, _: Translator) -> h.Node:
    """The content of `#form`."""
    return h.fragment[
        panel_title(_("New work"), h.div(".form-tools")[_tools(view, _)]),
        h.fieldset(".picker", data_testid="workflow-picker")[
            h.legend(".visually-hidden")[_("Workflow")],
            (_entry(entry, _chosen_id(view), _) for entry in view.entries),
        ],
        _openers(view, _),
        view.opening is not None and view.chosen is None and _opening(view.opening, _),
        view.opening is None and view.chosen is None and _nothing(_),
        view.chosen is not None
        and bool(view.chosen.notes)
        and h.ul(".form-notes")[(h.li[icon("info"), h.span[word_note(note, _)]] for note in view.chosen.notes)],
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
        icon_button(_("Presets"), "open-presets", "preset", testid="open-presets"),
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


def _chosen_id(view: FormView) -> str:
    if view.chosen is not None:
        return view.chosen.workflow_id
    return view.opening.workflow_id if view.opening is not None else ""


def _openers(view: FormView, _: Translator) -> h.Element:
    """What brings other workflows: a file, and the library with all of them."""
    return h.div(".openers")[
        h.label(".button.is-quiet.is-small", data_testid="open-file")[
            h.input(
                ".visually-hidden",
                type="file",
                multiple=True,
                id="open-file-input",
                data_files="open",
                aria_label=_("Open a workflow"),
            ),
            icon("folder"),
            h.span[_("Open a workflow")],
        ],
        action_button(
            _("Library") if not view.more else _.plural("Library, {count} more", "Library, {count} more", view.more),
            "open-library",
            icon_name="shelf",
            class_="is-quiet is-small",
            testid="open-library",
        ),
    ]


def _nothing(_: Translator) -> h.Node:
    return empty(
        "flow-own",
        _("No workflow is chosen"),
        _(
            "Choose one above, or drop one anywhere on the page: a file of ComfyUI's editor, or a picture that it has"
            " made."
        ),
        action_button(_("Choose a workflow"), "open-library", icon_name="shelf", class_="is-small"),
        class_="is-small",
    )  # fmt: skip


def _opening(opening: Opening, _: Translator) -> h.Element:
    """Instead of a form: that it is coming, or what keeps it from coming."""
    if opening.error is not None:
        return h.div(".opening", role="alert", data_testid="not-opened")[
            told_error(opening.error, "not-opened", _),
            action_button(_("Try again"), "open-workflow", class_="is-small", item=opening.workflow_id),
        ]
    words = _("Opening “{name}” …", name=opening.title) if opening.title else _("Opening …")
    if opening.needs_catalogue:
        words = _("This form comes as soon as a server has told which nodes it has.")
    return h.p(".opening.quiet", role="status", data_testid="opening")[words]


def _entry(entry: WorkflowEntry, chosen: str, _: Translator) -> h.Element:
    is_chosen, name = entry.workflow_id == chosen, f"pick-{entry.workflow_id}"
    flow = entry.workflow_id if entry.workflow_id in SHIPPED_IDS else "own"
    return h.label(class_=["pick", {"is-chosen": is_chosen, "is-impossible": not entry.is_possible}])[
        h.input(
            type="radio",
            name="workflow",
            value=entry.workflow_id,
            id=name,
            checked=is_chosen,
            data_change="workflow",
        ),
        icon(f"flow-{flow}", "pick-icon"),
        h.span(".pick-text")[
            h.span(".pick-title", id=f"{name}-title")[entry_title(entry, _)],
            is_chosen and entry.about and h.span(".pick-about")[shown_label(entry.about, _)],
            not entry.is_possible and h.span(".pick-lack")[_("Needs a demo server; this fleet has none.")],
        ],
    ]


def entry_title(entry: WorkflowEntry, _: Translator) -> h.Node:
    """What a workflow is called; pasted ones have no name of their own."""
    return shown_label(entry.title, _) if entry.title else _("Pasted workflow")
