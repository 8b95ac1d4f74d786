"""What a hidden tab shows of its window: the state and percent in its title and icon.

    sign = read_sign(session, seen)       # a value
    word_title(sign, _)                   # 63 % · gpu-2 · Mooring
    draw_icon(sign)                       # app/ui/page/tab_icon.py

Ends while the tab was hidden are marked until the tab has been visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from app.core.eta import Eta
from app.core.model import PromptId, Task, TaskState
from app.core.window import Window
from app.session import RunStage
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.i18n import Translator
from app.ui.kit.session_facts import SessionFacts

LEFT = "{left}"  # where a title has the remaining time


class TabKind(Enum):
    """The kinds of signs, the most important first."""

    RUNNING = "running"
    NO_ANSWER = "no-answer"  # the server is silent, or its answer to the submit was unclear
    WAITING = "waiting"
    MOORED = "moored"  # a place is reserved, without a task yet
    FAILED = "failed"
    LOST = "lost"
    INCOMPLETE = "incomplete"  # the server reports success, but outputs are missing
    DONE = "done"
    HERE = "here"  # another window has asked the user to come here
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class TabSign:
    """The sign of one tab. `fraction` is the running task's progress, None if unknown; `eta` its end.

    While the window is idle, `tag` is the server of its last work, to recognise the tab by; the window is free.
    """

    kind: TabKind = TabKind.IDLE
    tag: ServerTag | None = None
    fraction: float | None = None
    eta: Eta | None = None


_MARKS = (TabKind.FAILED, TabKind.LOST, TabKind.INCOMPLETE, TabKind.DONE)  # the worst is shown
_ENDS: Mapping[TaskState, TabKind] = {
    TaskState.SUCCEEDED: TabKind.DONE,
    TaskState.FAILED: TabKind.FAILED,
    TaskState.LOST: TabKind.LOST,
}  # an end by the user needs no mark


def ended_ids(session: SessionFacts) -> frozenset[PromptId] | None:
    """Return all ended tasks and failed clicks; None until the window has read its records."""
    if not isinstance(session.window, Window):
        return None
    ended = (task.prompt_id for window in session.windows for task in window.tasks.values() if task.state.is_end)
    return frozenset([*ended, *(run.prompt_id for run in session.runs if run.stage is RunStage.FAILED)])


def read_sign(session: SessionFacts, seen: frozenset[PromptId], *, is_asked: bool = False) -> TabSign:
    """Return the sign of the present work, or of an end that is not in `seen`.

    If the window `is_asked` for, it says that instead.
    """
    if not isinstance(session.window, Window):
        return TabSign()
    sign = _work_sign(session) or _end_sign(session, seen) or _idle_sign(session)
    return replace(sign, kind=TabKind.HERE) if is_asked else sign


def _idle_sign(session: SessionFacts) -> TabSign:
    """In the colour of the server of the last work; wards do not count, since they ran for other windows."""
    tasks = (task for item in session.windows for task in item.tasks.values() if not task.is_ward)
    last = max(tasks, key=lambda task: task.created_at, default=None)
    return TabSign(tag=tag_of(session.fleet, last.server_id) if last is not None else None)


def _work_sign(session: SessionFacts) -> TabSign | None:
    unfinished = sorted(
        (task for item in session.windows for task in item.unfinished), key=lambda task: task.created_at
    )
    by_kind = {_kind_of(task): task for task in reversed(unfinished)}  # the oldest of each
    for kind in (TabKind.RUNNING, TabKind.NO_ANSWER, TabKind.WAITING):
        if task := by_kind.get(kind):
            is_running = kind is TabKind.RUNNING
            progress = session.progress.get(task.prompt_id) if is_running else None
            eta = session.outlook(task).eta if is_running else None
            return TabSign(kind, tag_of(session.fleet, task.server_id), progress.fraction if progress else None, eta)
    locked = next(filter(None, (item.window_locked_server for item in session.windows)), None)
    return TabSign(TabKind.MOORED, tag_of(session.fleet, locked)) if locked else None


def _kind_of(task: Task) -> TabKind:
    if task.is_silent:
        return TabKind.NO_ANSWER
    return TabKind.RUNNING if task.state is TaskState.RUNNING else TabKind.WAITING


def _end_sign(session: SessionFacts, seen: frozenset[PromptId]) -> TabSign | None:
    found: dict[TabKind, TabSign] = {}
    for task in _unseen((task for item in session.windows for task in item.tasks.values()), seen):
        kind = TabKind.INCOMPLETE if task.state is TaskState.SUCCEEDED and task.end.missing else _ENDS.get(task.state)
        if kind is not None:
            found[kind] = TabSign(kind, tag_of(session.fleet, task.server_id))
    for run in session.runs:
        if run.stage is RunStage.FAILED and run.prompt_id not in seen:
            tag = tag_of(session.fleet, run.server_id) if run.server_id else None
            found[TabKind.FAILED] = TabSign(TabKind.FAILED, tag)
    return next((found[kind] for kind in _MARKS if kind in found), None)


def _unseen(tasks: Iterable[Task], seen: frozenset[PromptId]) -> list[Task]:
    return [task for task in tasks if task.state.is_end and task.prompt_id not in seen]


def word_title(sign: TabSign, _: Translator) -> str:
    """Return the title, the most important part first: a narrow tab shows a few letters. `{left}` is the time left."""
    if sign.kind is TabKind.IDLE:
        return f"Mooring · {_('last on {server}', server=sign.tag.name)}" if sign.tag else "Mooring"
    left = LEFT if sign.eta is not None else ""
    name = [sign.tag.name, "Mooring"] if sign.tag else ["Mooring"]
    return " · ".join(filter(None, [_word(sign, _), left, *name]))


def title_ends(sign: TabSign) -> str:
    """Return the end of the time in the title, when it stops being shown, and when it stops; empty if there is none."""
    eta = sign.eta
    return f"{eta.ends_at:.1f} {eta.good_until:.1f} {eta.holds_at:.1f}" if eta is not None else ""


def _word(sign: TabSign, _: Translator) -> str:
    match sign.kind:
        case TabKind.RUNNING:
            return _("running") if sign.fraction is None else _.formats.percent(sign.fraction)
        case TabKind.NO_ANSWER:
            return _("? no answer")
        case TabKind.WAITING:
            return _("waiting")
        case TabKind.DONE:
            return _("✓ done")
        case TabKind.INCOMPLETE:
            return _("! not complete")
        case TabKind.FAILED:
            return _("! failed")
        case TabKind.LOST:
            return _("! lost")
        case TabKind.HERE:
            return _("▶ here")
        case TabKind.MOORED | TabKind.IDLE:
            return ""
