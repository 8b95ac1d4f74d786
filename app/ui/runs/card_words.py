"""The texts of a task's card: its state, and its links to other runs."""

from __future__ import annotations

from app.core.model import Task, TaskState
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words
from app.ui.runs.state import CardView, LinkView
from app.ui.runs.task_words import word_task


def word_card(view: CardView, _: Translator) -> Words:
    """Return the card's main text. A stall is a warning beside the state, never an end."""
    if view.still_minutes is None:
        return word_task(view.task, _)
    return Words(
        _.plural(
            "No movement for more than {count} min", "No movement for more than {count} min", view.still_minutes
        )
        if view.still_minutes
        else _("It should have begun, and does not move"),
        _(
            "{server} answers, but this does not come forward. It may be loading a model, or the part of the server"
            " that runs the work has died; then only a restart of the server helps. Nothing is ended here.",
            server=view.tag.name,
        ),
        tone=Tone.WARN,
    )  # fmt: skip


def word_ward(view: CardView, _: Translator) -> str:
    """Say why this task does not hold its window; empty if it does."""
    if not view.task.is_ward:
        return ""
    if view.task.epoch > 1:
        return _("Adopted from a window that was closed.")
    if view.task.state is TaskState.LOST:
        return ""
    return _("It turned up again after it had counted as lost; it no longer holds this window.")


def word_editor(task: Task, _: Translator) -> str:
    """Say why the editor's graph was not sent, or will not be in another run; empty if it was, or if there is none."""
    match task.editor_fault:
        case "":
            return ""
        case "unstored":
            return _("The editor's graph could not be kept in this browser: running again will be without it.")
        case "gone":
            return _("Without the editor's graph: it is no longer kept in this browser.")
        case "too-large":
            return _("Without the editor's graph: it is too large to be sent along.")
        case "unreadable":
            return _("Without the editor's graph: what was kept of it cannot be read.")
    return _("Without the editor's graph: the editor could not hold exactly what was sent.")


def word_origin(link: LinkView, _: Translator) -> str:
    """Name the run that this one repeats."""
    return _("Again: the run of {time} on {server}", time=_.formats.clock(link.at), server=link.tag.name)


def word_repeat(link: LinkView, _: Translator) -> str:
    """Name a run that repeats this one."""
    return _("Run again at {time} on {server}", time=_.formats.clock(link.at), server=link.tag.name)
