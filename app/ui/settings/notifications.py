"""What is told to a person who does not look: when work is done or has failed, once for a whole burst of it.

    ring = bellman.hear(session, ended_ids(session), is_looked_at=False, now=now)      # None, or what is to be told
    if ring: bell.ring(word_ring(ring, settings, _))

A failure is told at once, a success as soon as nothing more is under way in this window. What comes on the heels of a
telling takes its place without a sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from app.core.ends import EndCause, end_cause
from app.core.model import Contact, PromptId, Task, TaskState
from app.session import RunStage
from app.ui.kit.colours import tag_of
from app.ui.kit.i18n import Translator
from app.ui.runs.cards import SessionFacts
from app.ui.settings.settings import Settings

BURST_SECONDS = 10.0  # ends that lie closer together are heard once
MOST_TITLES = 3


@dataclass(frozen=True, slots=True)
class Telling:
    """One notice in words. `ids` are what it is about: another window that knows of the same keeps quiet."""

    ids: tuple[str, ...]
    title: str
    body: str
    is_bad: bool = False
    has_notice: bool = False
    has_sound: bool = False
    is_quiet: bool = False  # it takes the place of the last one, and nobody is called again


class Notifier(Protocol):
    """What the browser has for calling somebody who looks elsewhere. The adapter is `app/browser/notifications.py`."""

    def permission(self) -> str:
        """Whether notices are shown: a `Permission`."""

    async def ask(self) -> str:
        """Ask the person for it; only within a click."""

    def ring(self, telling: Telling) -> None:
        """Tell it, if no other window has told the same. Nothing waits for it, and what fails is logged."""

    def set_badge(self, count: int) -> None:
        """The number at the app's icon, where there is one; 0 is none."""

    def is_looked_at(self) -> bool:
        """Whether this window is seen and has the keyboard."""


@dataclass(frozen=True, slots=True)
class End:
    """Something that has ended, as far as a notice tells it."""

    prompt_id: PromptId
    title: str
    server: str  # its name; empty for a click that reached none
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Ring:
    """What is to be told now."""

    ends: tuple[End, ...]
    is_quiet: bool = False


class Bellman:
    """Remembers what has been seen or told. What had ended before this page came is old."""

    def __init__(self) -> None:
        self._known: frozenset[PromptId] | None = None
        self._held: tuple[End, ...] = ()  # not told yet: more of it is under way
        self._burst: tuple[End, ...] = ()  # told, and not seen yet
        self._rung_at = float("-inf")

    @property
    def unseen(self) -> int:
        """How many ends nobody has seen yet."""
        return len(self._held) + len(self._burst)

    def hear(
        self, session: SessionFacts, ended: frozenset[PromptId] | None, *, is_looked_at: bool, now: float
    ) -> Ring | None:
        """Something may have changed: what has to be told now. `ended` is everything that has ended by now."""
        if ended is None:
            return None
        if self._known is None or is_looked_at:
            self._known = ended
            self._held = self._burst = ()
            self._rung_at = float("-inf")
            return None
        self._held += tuple(_ends(session, ended - self._known))
        self._known |= ended
        is_urgent = any(end.is_bad for end in self._held)
        if not self._held or (_is_busy(session) and not is_urgent):
            return None
        is_quiet = now - self._rung_at < BURST_SECONDS
        self._burst = (*self._burst, *self._held) if is_quiet else self._held
        self._held = ()
        self._rung_at = self._rung_at if is_quiet else now
        return Ring(self._burst, is_quiet)


def _ends(session: SessionFacts, new: frozenset[PromptId]) -> Iterator[End]:
    """What of this has ended of itself; what the person has ended needs no telling."""
    found = {
        prompt_id: task for window in session.windows for prompt_id in new if (task := window.tasks.get(prompt_id))
    }
    for task in found.values():
        if task.state in _TOLD or end_cause(task) is EndCause.INTERRUPTED:
            yield End(task.prompt_id, task.title, tag_of(session.fleet, task.server_id).name, _is_bad(task))
    for run in session.runs:
        if run.stage is RunStage.FAILED and run.prompt_id in new - found.keys():
            yield End(
                run.prompt_id, run.title, tag_of(session.fleet, run.server_id).name if run.server_id else "", True
            )


_TOLD = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.LOST})


def _is_bad(task: Task) -> bool:
    return task.state is not TaskState.SUCCEEDED or bool(task.missing)


def _is_busy(session: SessionFacts) -> bool:
    """Whether more comes by itself: work on servers that answer, or runs that wait here and are not paused."""
    line = session.line.line
    if line is not None and line.entries and line.pause is None:
        return True
    return any(
        item.reservations or any(task.holds_window and task.contact is Contact.OK for task in item.unfinished)
        for item in session.windows
    )


class Ringer:
    """Tells what the bellman has for telling, as the person wants it told, and keeps the app's badge."""

    def __init__(self, bell: Notifier, now: Callable[[], float]) -> None:
        self._bell = bell
        self._now = now
        self._bellman = Bellman()
        self._badge = 0

    def hear(self, session: SessionFacts, ended: frozenset[PromptId] | None, settings: Settings, _: Translator) -> None:
        """Something may have changed."""
        is_looked_at = self._bell.is_looked_at()
        ring = self._bellman.hear(session, ended, is_looked_at=is_looked_at, now=self._now())
        if ring is not None and (settings.has_notices or settings.has_sound):
            self._bell.ring(word_ring(ring, settings, _))
        if self._badge != self._bellman.unseen:
            self._badge = self._bellman.unseen
            self._bell.set_badge(self._badge)


def word_ring(ring: Ring, settings: Settings, _: Translator) -> Telling:
    """A ring in words: what became of it and where, then which workflows."""
    bad = sum(end.is_bad for end in ring.ends)
    return Telling(
        ids=tuple(end.prompt_id for end in ring.ends),
        title=_title(len(ring.ends) - bad, bad, _names(end.server for end in ring.ends), _),
        body=" · ".join(_titles(ring.ends, _)),
        is_bad=bad > 0,
        has_notice=settings.has_notices,
        has_sound=settings.has_sound and not ring.is_quiet,
        is_quiet=ring.is_quiet,
    )


def _title(good: int, bad: int, servers: list[str], _: Translator) -> str:
    where = ", ".join(servers)
    done = _.plural("{count} finished", "{count} finished", good) if good + bad > 1 else _("Finished")
    failed = _.plural("{count} failed", "{count} failed", bad) if good + bad > 1 else _("Failed")
    told = ", ".join([*([done] if good else []), *([failed] if bad else [])])
    return f"{told} · {where}" if where else told


def _titles(ends: Iterable[End], _: Translator) -> list[str]:
    found = _names(_.known(end.title) or _("Untitled") for end in ends)
    return [*found[:MOST_TITLES], *(["…"] if len(found) > MOST_TITLES else [])]


def _names(names: Iterable[str]) -> list[str]:
    """Each once, in order."""
    return list(dict.fromkeys(name for name in names if name))
