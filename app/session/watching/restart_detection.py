"""Detecting that a server was restarted, has lost its history, or was replaced (`core/server_fingerprint.py`).

A detected change ends no task. It is logged and noted in the unfinished tasks of that server, and all of its tasks are
polled, also those found lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from app.core import comfy
from app.core.ends import UNDATED_RESTART
from app.core.errors import TaskNotFound
from app.core.model import Note, PromptId, ServerId, Task
from app.core.server_fingerprint import RestartSign, ServerFingerprint, learned_fingerprint
from app.session.state import State

log = logging.getLogger("mooring.session")

Place = tuple[ServerId, str]


class RestartDetection:
    """The fingerprint of each server, by id and address. `revisit` polls all tasks of a server."""

    def __init__(self, state: State, revisit: Callable[[Place], None]) -> None:
        self._state = state
        self._revisit = revisit
        self._marks: dict[Place, ServerFingerprint] = {}

    def _mark(self, place: Place) -> ServerFingerprint:
        if place not in self._marks:
            tasks = self._state.records.tasks.values()
            self._marks[place] = learned_fingerprint(task for task in tasks if _place_of(task) == place)
        return self._marks[place]

    def fingerprint(self, task: Task) -> ServerFingerprint:
        """Return what is known of the task's server."""
        return self._mark(_place_of(task))

    def numbered(self, task: Task, number: float | None, before: ServerFingerprint) -> None:
        """Note the number that answered a submit; one not above the number known before shows a restart."""
        place = _place_of(task)
        self._marks[place], sign = self._mark(place).numbered(number, before)
        if sign is not None:
            self._state.spawn(self._report(place, sign, task.prompt_id, number), "note a restart")

    def finished(self, task: Task) -> None:
        """Note that the history has that task."""
        place = _place_of(task)
        self._marks[place] = self._mark(place).finished(task.prompt_id)

    async def verify(self, place: Place, base: str) -> None:
        """Check whether a server that answers after lost contact is still the same ComfyUI process.

        Errors of the requests pass through.
        """
        server_id = place[0]
        ask = self._state.servers.ask
        description = comfy.read_description(await ask(server_id, comfy.system_request(base)), server_id)
        self._marks[place], sign = self._mark(place).described(description)
        await self._report(place, sign)
        known = self._mark(place).known
        if known is None:
            return
        now = self._state.ports.clock.now()
        entry = comfy.read_history(await ask(server_id, comfy.history_request(base, known)), server_id, known, now)
        if entry is None and self._mark(place).known == known:
            self._marks[place], sign = self._mark(place).forgotten()
            await self._report(place, sign)

    async def _report(
        self, place: Place, sign: RestartSign | None, shown_by: PromptId | None = None, number: float | None = None
    ) -> None:
        """Note the sign in the tasks of a server, but not in the one whose own answer showed it: it came afterwards.

        `number` is that answer's. The restart came after a task was sent only if its own number is not below that: what
        this window had known of the server may be older than the task, as with one that was adopted.
        """
        if sign is None:
            return
        state, now = self._state, self._state.ports.clock.now()
        log.warning("%s is not as it was: %s", place[0], sign.value)
        state.live.notice(place[0], sign)
        for task in state.records.unfinished:
            if _place_of(task) == place and task.prompt_id != shown_by:
                own = task.progress.number
                is_undated = number is not None and (own is None or own < number)
                detail = UNDATED_RESTART if is_undated else sign.value
                await self._note(task.prompt_id, Note(now, "server_changed", detail))
        state.changed()
        self._revisit(place)

    async def _note(self, prompt_id: PromptId, note: Note) -> None:
        try:
            await self._state.records.amend(prompt_id, lambda known: known.with_note(note))
        except TaskNotFound as error:
            log.info("no longer watched: %r", error)


def _place_of(task: Task) -> Place:
    return task.server_id, task.address
