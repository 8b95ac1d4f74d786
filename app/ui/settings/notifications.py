"""Notifications that work has ended, for a user whose focus is elsewhere: one for a whole burst of ends.

    burst = unseen.update(session, ended_ids(session), has_focus=False, now=now)      # None, or a burst to notify of
    if burst: notifier.notify(word_burst(burst, settings, _))

A failure is notified immediately, a success as soon as nothing more is under way in this window. A notification
that follows another one closely replaces it without a sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from app.core.ends import EndCause, end_cause
from app.core.model import PromptId, Task, TaskState
from app.session import RunStage
from app.ui.kit.colours import tag_of
from app.ui.kit.i18n import Translator
from app.ui.kit.session_facts import SessionFacts
from app.ui.settings.settings import Settings

BURST_SECONDS = 10.0  # ends closer together make one sound
MOST_TITLES = 3


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification with its texts. `ids` are prompt_ids: another window with the same ones does not notify."""

    ids: tuple[str, ...]
    title: str
    body: str
    is_bad: bool = False
    has_notice: bool = False
    has_sound: bool = False
    is_quiet: bool = False  # it replaces the last one, without a sound


class Notifier(Protocol):
    """The browser's notifications, sounds and badge. The adapter is `app/browser/notifications.py`."""

    def permission(self) -> str:
        """Whether notifications are shown: a `Permission`."""

    async def ask(self) -> str:
        """Ask the user for permission; only within a click."""

    def notify(self, notification: Notification) -> None:
        """Notify the user, unless another window already has. Nothing waits for it; failures are logged."""

    def set_badge(self, count: int) -> None:
        """Set the number at the app's icon, if there is one; 0 is none."""

    def has_focus(self) -> bool:
        """Whether this window is visible and has the keyboard."""


@dataclass(frozen=True, slots=True)
class End:
    """An ended task or click, with the facts for a notification."""

    prompt_id: PromptId
    title: str
    server: str  # its name; empty for a click that reached none
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Burst:
    """Ends that are notified together."""

    ends: tuple[End, ...]
    is_quiet: bool = False


class UnseenEnds:
    """The ends that the user has not seen. Whatever ended before this page opened counts as seen."""

    def __init__(self) -> None:
        self._known: frozenset[PromptId] | None = None
        self._held: tuple[End, ...] = ()  # not notified yet: more is under way
        self._burst: tuple[End, ...] = ()  # notified, and not seen yet
        self._notified_at = float("-inf")

    @property
    def count(self) -> int:
        return len(self._held) + len(self._burst)

    def update(
        self, session: SessionFacts, ended: frozenset[PromptId] | None, *, has_focus: bool, now: float
    ) -> Burst | None:
        """Return the burst to notify of now. `ended` are the prompt_ids of everything that has ended by now."""
        if ended is None:
            return None
        if self._known is None or has_focus:
            self._known = ended
            self._held = self._burst = ()
            self._notified_at = float("-inf")
            return None
        self._held += tuple(_ends(session, ended - self._known))
        self._known |= ended
        is_urgent = any(end.is_bad for end in self._held)
        if not self._held or (_is_busy(session) and not is_urgent):
            return None
        is_quiet = now - self._notified_at < BURST_SECONDS
        self._burst = (*self._burst, *self._held) if is_quiet else self._held
        self._held = ()
        self._notified_at = self._notified_at if is_quiet else now
        return Burst(self._burst, is_quiet)


def _ends(session: SessionFacts, new: frozenset[PromptId]) -> Iterator[End]:
    """Yield those that ended by themselves: a user need not hear of a cancelled task."""
    found = {
        prompt_id: task for window in session.windows for prompt_id in new if (task := window.tasks.get(prompt_id))
    }
    for task in found.values():
        if task.state in _NOTIFIED or end_cause(task) is EndCause.INTERRUPTED:
            yield End(task.prompt_id, task.title, tag_of(session.fleet, task.server_id).name, _is_bad(task))
    for run in session.runs:
        if run.stage is RunStage.FAILED and run.prompt_id in new - found.keys():
            yield End(
                run.prompt_id, run.title, tag_of(session.fleet, run.server_id).name if run.server_id else "", True
            )


_NOTIFIED = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.LOST})


def _is_bad(task: Task) -> bool:
    return task.state is not TaskState.SUCCEEDED or bool(task.end.missing)


def _is_busy(session: SessionFacts) -> bool:
    """Whether more comes by itself: work on servers that answer, or runs that wait here and are not paused."""
    line = session.line.line
    if line is not None and line.entries and line.pause is None:
        return True
    return any(
        item.reservations or any(task.holds_window and task.progress.is_reachable for task in item.unfinished)
        for item in session.windows
    )


class EndNotifier:
    """Sends notifications of unseen ends, as the settings say, and sets the app's badge."""

    def __init__(self, notifier: Notifier, now: Callable[[], float]) -> None:
        self._notifier = notifier
        self._now = now
        self._unseen_ends = UnseenEnds()
        self._badge = 0

    def update(
        self, session: SessionFacts, ended: frozenset[PromptId] | None, settings: Settings, _: Translator
    ) -> None:
        """Notify of ends since the last call. The page calls this when the session may have changed."""
        has_focus = self._notifier.has_focus()
        burst = self._unseen_ends.update(session, ended, has_focus=has_focus, now=self._now())
        if burst is not None and (settings.has_notices or settings.has_sound):
            self._notifier.notify(word_burst(burst, settings, _))
        if self._badge != self._unseen_ends.count:
            self._badge = self._unseen_ends.count
            self._notifier.set_badge(self._badge)


def word_burst(burst: Burst, settings: Settings, _: Translator) -> Notification:
    """Return the notification: the results and servers as its title, the workflows as its body."""
    bad = sum(end.is_bad for end in burst.ends)
    return Notification(
        ids=tuple(end.prompt_id for end in burst.ends),
        title=_title(len(burst.ends) - bad, bad, _names(end.server for end in burst.ends), _),
        body=" · ".join(_titles(burst.ends, _)),
        is_bad=bad > 0,
        has_notice=settings.has_notices,
        has_sound=settings.has_sound and not burst.is_quiet,
        is_quiet=burst.is_quiet,
    )


def _title(good: int, bad: int, servers: list[str], _: Translator) -> str:
    where = ", ".join(servers)
    done = _.plural("{count} finished", "{count} finished", good) if good + bad > 1 else _("Finished")
    failed = _.plural("{count} failed", "{count} failed", bad) if good + bad > 1 else _("Failed")
    ends = ", ".join([*([done] if good else []), *([failed] if bad else [])])
    return f"{ends} · {where}" if where else ends


def _titles(ends: Iterable[End], _: Translator) -> list[str]:
    found = _names(_.known(end.title) or _("Untitled") for end in ends)
    return [*found[:MOST_TITLES], *(["…"] if len(found) > MOST_TITLES else [])]


def _names(names: Iterable[str]) -> list[str]:
    """Each once, in order."""
    return list(dict.fromkeys(name for name in names if name))
