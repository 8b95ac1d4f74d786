"""A task's progress and remaining time in words. Seconds count down in the page itself (`countdown.js`)."""

from __future__ import annotations

from app.core.eta import Eta, Outlook
from app.core.model import Task, TaskState
from app.core.progress import Progress
from app.session import Run, RunStage
from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR
from app.ui.runs.state import BatchView, CardView, NowView
from app.ui.runs.task_words import word_state

MOVING = (TaskState.REGISTERED, TaskState.QUEUED, TaskState.RUNNING)


def word_time(seconds: float) -> str:
    """Format a duration as 0:12, 12:40 or 1:02:09, alike in all languages."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def eta_patterns(task: Task, _: Translator) -> tuple[str, str]:
    """Return the texts for the remaining time and for its end: until the task ends, or until its turn comes."""
    if task.state is TaskState.RUNNING:
        return _("{time} left"), _("any moment now")
    return _("starts in about {time}"), _("starts any moment now")


def word_eta(task: Task, eta: Eta, _: Translator) -> str:
    """Return the text with the time remaining now."""
    return fill_eta(eta_patterns(task, _), eta)


def fill_eta(patterns: tuple[str, str], eta: Eta) -> str:
    """Return the text for the remaining time with that time, or the one for its end."""
    coming, over = patterns
    return coming.replace("{time}", word_time(eta.left)) if round(eta.left) > 0 else over


def word_step(progress: Progress, node_title: str, _: Translator) -> str:
    """Return the running node's name, with its step if it counts them."""
    if progress.node is None:
        return ""
    if progress.maximum > 1:
        return _(
            "{node}: step {value} of {maximum}",
            node=node_title,
            value=int(progress.value),
            maximum=int(progress.maximum),
        )
    return node_title


def word_steps(progress: Progress, node_title: str, _: Translator) -> str:
    """Return the running node, with its step if it counts them: KSampler 14/20."""
    if progress.node is None or progress.maximum <= 1:
        return node_title if progress.node is not None else ""
    return f"{node_title} {_.formats.number(progress.value)}/{_.formats.number(progress.maximum)}"


def word_place(view: CardView, _: Translator) -> str:
    """Return a queued task's place in the queue, and whose runs are before it."""
    task, place = view.task, word_state(view.task, _).title
    is_queued = task.state is TaskState.QUEUED and not task.progress.is_cancelling
    before = word_before(view.outlook, _) if is_queued else ""
    return f"{place}{SEPARATOR}{before}" if before else place


def word_before(outlook: Outlook, _: Translator) -> str:
    """Say whose runs are before a queued one, running or waiting; nothing if that is unknown, or all are the user's."""
    if not outlook.others:
        return ""
    if not outlook.own:
        return _.plural("{count} run of others before it", "{count} runs of others before it", outlook.others)
    return _("before it {own} of yours, {others} of others", own=outlook.own, others=outlook.others)


def word_sent(run: Run, _: Translator) -> str:
    """Say how much of a run's files is uploaded; at the end the server still has to take them."""
    if run.sent >= run.size:
        return _("Uploaded; the server is saving it …")
    return _("Uploading: {sent} of {size}", sent=_.formats.size(run.sent), size=_.formats.size(run.size))


def word_stage(stage: RunStage, _: Translator) -> str:
    """Say how far a run has come before its task exists."""
    match stage:
        case RunStage.RESERVING:
            return _("Choosing a server …")
        case RunStage.CONNECTING:
            return _("Connecting …")
        case RunStage.UPLOADING:
            return _("Uploading …")
        case RunStage.REGISTERING:
            return _("Saving the run …")
        case RunStage.SUBMITTING:
            return _("Sending …")
        case RunStage.DONE:
            return _("Sent")
        case RunStage.FAILED:
            return _("Not sent")


def word_batch(batch: BatchView, _: Translator) -> str:
    """Say how many runs of a batch are done, and how many are not because they failed or were stopped."""
    done = _("{done} of {total} done", done=_.formats.number(batch.done), total=_.formats.number(batch.total))
    counts = [
        done,
        batch.failed > 0 and _.plural("{count} failed", "{count} failed", batch.failed),
        batch.stopped > 0 and _.plural("{count} stopped", "{count} stopped", batch.stopped),
    ]
    return SEPARATOR.join(count for count in counts if count)


def word_below(view: NowView, _: Translator) -> str:
    """Say where the runs under way are listed, if not in the panel above."""
    if view.below:
        return _.plural("{count} run under way is listed below", "{count} runs under way are listed below", view.below)
    return _.plural("{count} run is being sent", "{count} runs are being sent", view.sending)


def is_plain(view: CardView) -> bool:
    """Whether the card needs no more text than the progress."""
    return view.task.state in MOVING and view.task.progress.is_reachable and view.still_minutes is None
