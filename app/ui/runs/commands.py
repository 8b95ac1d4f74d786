"""The commands of runs: start and stop them, choose a server, tend those that wait, go to those under way."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.form.state import FormView
from app.ui.kit.commands import Command, Group, Manner, jump
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState
from app.ui.runs.run_bar_words import word_button
from app.ui.runs.server_picker import FREE, SOONEST, WhereView
from app.ui.runs.state import CardView, NowView, RunView
from app.ui.runs.waiting import WaitingView

MOST_PIECES = 12  # cards of each list that are named


def run_commands(page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    run, now, waiting = page.of(RunView), page.of(NowView), page.of(WaitingView)
    if run.blocker is None:
        yield Command("run", word_button(run, _), Group.WORK, "run", "run", terms="start queue generate")
    if page.of(FormView).chosen is not None:
        files = _("Many files or a folder")
        yield Command("many-files", files, Group.WORK, "folder", "open-files", terms="batch photos")
        yield Command("many-runs", _("Batch …"), Group.WORK, "grid", "open-many", terms="many runs grid sweep")
        yield Command(
            "catalogues", _("Read again what the servers have"), Group.FORM, "retry", "look-at-catalogues",
            terms="refresh models nodes",
        )  # fmt: skip
    if run.cancels is not None:
        yield Command(
            "cancel", _("Stop the newest run"), Group.WORK, "stop", "cancel", (("promptId", run.cancels),),
            terms="cancel interrupt",
        )  # fmt: skip
    if now.is_many or waiting.count:
        name = _("Stop all runs of this window …")
        yield Command("cancel-mine", name, Group.WORK, "stop", "ask-cancel-mine", terms="cancel my")
    if not now.is_whole and (now.more > 0 or waiting.more > 0):
        yield Command("show-queue", _("Show the whole queue"), Group.WORK, "waves", "show-queue")
    yield jump("now", _("Now"))
    if waiting.count:
        yield jump("waiting", _("Not sent yet"))
        yield from _line(waiting, _)
    yield from _where(run.where, _)
    yield from pieces(now.listed, _)


def _line(waiting: WaitingView, _: Translator) -> Iterator[Command]:
    if waiting.pause is not None:
        yield Command("line-resume", _("Resume the waiting runs"), Group.WORK, "run", "line-resume")
    else:
        yield Command("line-pause", _("Pause what waits"), Group.WORK, "pause", "line-pause")
        if waiting.is_unbounded:
            yield Command("line-few", _("Send two at a time again"), Group.WORK, "elsewhere", "line-send-few")
        else:
            yield Command("line-all", _("Send all that waits now"), Group.WORK, "elsewhere", "line-send-all")
    yield Command("line-clear", _("Remove all that waits"), Group.WORK, "trash", "line-clear")


def _where(view: WhereView, _: Translator) -> Iterator[Command]:
    if view.moored_to or not view.servers:
        return
    choices = [
        (SOONEST, "where-soonest", _("Run where it is done soonest"), ""),
        (FREE, "where-free", _("Wait for a free server"), ""),
        *(
            (item.server_id, f"where:{item.server_id}", _("Run on this server only"), item.name)
            for item in view.servers
            if not item.cause
        ),
    ]
    for value, command_id, title, aside in choices:
        if value != view.chosen:
            yield Command(
                command_id, title, Group.WORK, "anchor", "where", (("value", value),), aside=aside,
                terms="server gpu",
            )  # fmt: skip


def pieces(cards: tuple[CardView, ...], _: Translator) -> Iterator[Command]:
    """Yield the commands that go to the first of these cards."""
    for card in cards[:MOST_PIECES]:
        task = card.task
        title = _("Go to a result") if task.state.is_end else _("Go to running work")
        yield Command(
            f"task:{task.prompt_id}", title, Group.GO, "picture", f"task-{task.prompt_id}", manner=Manner.JUMP,
            aside=" · ".join(filter(None, (_.known(task.title) or _("Untitled"), card.tag.name))),
        )  # fmt: skip
