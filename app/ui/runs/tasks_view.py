"""What is under way: clicks on Run, and tasks with their progress, preview, server and state."""

from __future__ import annotations

from collections.abc import Callable

import htpy as h

from app.core.model import Contact, TaskState
from app.session import RunStage
from app.ui.kit.errors_html import told_error
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import empty, panel_title
from app.ui.kit.parts_html import action_button, graph_button, icon, part_label, server_chip, task_title
from app.ui.kit.words import Tone, titled
from app.ui.runs.card_words import word_card, word_ward
from app.ui.runs.errors_html import warnings
from app.ui.runs.evidence_html import details
from app.ui.runs.links_html import editor_note, origin
from app.ui.runs.offers_view import offers
from app.ui.runs.progress_view import is_plain, pace, upload
from app.ui.runs.state import Blocker, CardView, NowView, RunCard

DrawCard = Callable[[CardView, Translator], h.Node]


def now(view: NowView, _: Translator, draw_card: DrawCard | None = None) -> h.Node:
    """The content of `#now`; `draw_card` is `task_card`, or what has its markup already."""
    count = len(view.runs) + len(view.cards)
    return h.fragment[
        panel_title(
            _("Now"),
            h.span(".count.numeric")[_.formats.number(count)] if count else None,
            view.is_many
            and not view.has_line
            and h.div(".left-tools")[
                action_button(
                    _("Cancel mine …"),
                    "ask-cancel-mine",
                    icon_name="stop",
                    class_="is-quiet is-small",
                    testid="ask-cancel-mine",
                )
            ],
        ),
        h.div(".cards")[
            (run_card(item, _) for item in view.runs), ((draw_card or task_card)(item, _) for item in view.cards)
        ],
        not count and _nothing(view, _),
    ]


def _nothing(view: NowView, _: Translator) -> h.Node:
    if view.is_unreadable:
        return h.div(".empty")[
            h.p(".quiet")[_("What this window has under way cannot be shown; nothing of it is lost.")]
        ]
    if not view.is_ready:
        return h.div(".empty")[h.p[_("Reading this window's records …")]]
    return empty(
        "waves",
        _("Calm water"),
        _(
            "Press Run and this window moors to one server: all its work goes there until the last of it has ended."
            " For a second server, open a second window."
        ),
        _first_way(view.blocker, _),
        class_="is-slim" if view.is_brief else "",
    )


def _first_way(blocker: Blocker | None, _: Translator) -> h.Node:
    """What brings the first work here."""
    match blocker:
        case None:
            return action_button(_("Run"), "run", icon_name="run", class_="is-small", testid="empty-run")
        case Blocker.NO_PICTURE | Blocker.NO_FILE | Blocker.PICTURE_GONE | Blocker.FILE_GONE | Blocker.BAD_VALUE:
            return h.button(".button.is-small", type="button", data_focus="form")[
                icon("edit"), h.span[_("Fill in the form")]
            ]
        case Blocker.NO_WORKFLOW | Blocker.UNABLE | Blocker.NEEDS_DEMO:
            return action_button(_("Choose a workflow"), "open-library", icon_name="shelf", class_="is-small")
        case Blocker.MOORED_UNABLE | Blocker.MOORED_WITHOUT_DEMO:
            return action_button(_("Open another window"), "new-window", icon_name="window", class_="is-small")
    return None


def run_card(view: RunCard, _: Translator) -> h.Element:
    """One click on Run before its task shows."""
    run = view.run
    has_failed = run.stage is RunStage.FAILED
    return h.article(
        class_=["card run-card", {"is-failed": has_failed}],
        id=f"run-{run.prompt_id}",
        data_testid="run-card",
        data_prompt_id=run.prompt_id,
        data_stage=run.stage.value,
    )[
        h.div(".card-head")[h.h3[task_title(run.title, _)], view.tag is not None and server_chip(view.tag)],
        (
            told_error(run.error, f"run-{run.prompt_id}", _)
            if has_failed and run.error is not None
            else upload(run, _)
            if run.stage is RunStage.UPLOADING and run.size
            else h.fragment[
                h.p(".card-state.is-busy")[word_stage(run.stage, _)],
                h.progress(max="1", aria_label=word_stage(run.stage, _)),
            ]
        ),
        has_failed
        and h.div(".card-actions")[
            action_button(_("Dismiss"), "dismiss-run", icon_name="close", prompt_id=run.prompt_id)
        ],
    ]


def word_stage(stage: RunStage, _: Translator) -> str:
    """How far a click has come."""
    match stage:
        case RunStage.RESERVING:
            return _("Choosing a server …")
        case RunStage.CONNECTING:
            return _("Connecting …")
        case RunStage.UPLOADING:
            return _("Uploading …")
        case RunStage.REGISTERING:
            return _("Writing the task down …")
        case RunStage.SUBMITTING:
            return _("Sending …")
        case RunStage.DONE:
            return _("Sent")
        case RunStage.FAILED:
            return _("Not sent")


def task_card(view: CardView, _: Translator) -> h.Element:
    """One unfinished task."""
    task = view.task
    is_running = task.state is TaskState.RUNNING and task.contact is Contact.OK
    has_preview = is_running or bool(view.preview_url)
    return h.article(
        class_=["card task", f"tone-{view.tag.tone}", {"has-preview": has_preview, "is-doubtful": bool(view.offers)}],
        id=f"task-{task.prompt_id}",
        tabindex="-1",
        data_testid="task-card",
        data_prompt_id=task.prompt_id,
        data_state=task.shown_state,
        data_server=task.server_id,
        data_stalled=view.still_minutes is not None,
    )[
        has_preview and _preview(view, _),
        h.div(".card-body")[
            h.div(".card-head")[h.h3[task_title(task.title, _)], server_chip(view.tag)],
            part_label(task),
            _verdict(view, _),
            origin(view, _),
            editor_note(view, _),
            bool(task.warnings) and warnings(task, _),
            not view.offers and h.fragment[_actions(view, _), details(task, _)],
        ],
        bool(view.offers)
        and h.div(".card-rest")[
            offers(view, _), bool(task.workflow) and graph_button(task.prompt_id, _), details(task, _)
        ],
    ]


def _verdict(view: CardView, _: Translator) -> h.Node:
    words, ward = word_card(view, _), word_ward(view, _)
    return h.fragment[
        not is_plain(view)
        and h.p(class_=["card-state", f"is-{words.tone.value}"])[
            words.tone is Tone.WARN and icon("warning"), h.span[titled(words)]
        ],
        pace(view, _),
        words.advice and h.p(".told-advice")[words.advice],
        words.quote and h.p(".quote", translate="no")[words.quote],
        ward and h.p(".told-advice")[ward],
    ]


def _preview(view: CardView, _: Translator) -> h.Element:
    """In a box that is as large before the first preview as after it."""
    name = f"preview-{view.task.prompt_id}"
    if not view.preview_url:
        return h.div(".preview.is-empty", id=name)[icon("picture")]
    return h.div(".preview", id=name)[preview_inside(view, _)]


def preview_inside(view: CardView, _: Translator) -> h.VoidElement:
    """The latest preview, which is patched alone while nothing else changes (`regions.py`)."""
    return h.img(src=view.preview_url, alt=_("Preview"), data_testid="preview")


def _actions(view: CardView, _: Translator) -> h.Element:
    """On a doubtful card both are among its offers."""
    task = view.task
    return h.div(".card-actions")[
        task.cancel_asked_at is None
        and h.button(
            ".button", type="button", data_action="cancel", data_prompt_id=task.prompt_id, data_testid="cancel"
        )[icon("stop"), h.span[_("Cancel")]],
        h.button(
            ".button.is-quiet", type="button", data_action="ask-give-up", data_prompt_id=task.prompt_id,
            data_testid="give-up",
        )[h.span[_("Give up …")]],
        bool(task.workflow) and graph_button(task.prompt_id, _),
    ]  # fmt: skip
