"""The last preview of each running task, kept over a reload: small, every few seconds, until the task has ended."""

from __future__ import annotations

import logging

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.model import PromptId
from app.session.facts import Preview
from app.session.state import State

log = logging.getLogger("mooring.session")

FIRST_PAUSE = 1.0  # seconds after a task's first preview
PAUSE = 5.0  # seconds between two; a reload may lose that much


class LastPreviews:
    """Keeps previews. One that cannot be kept is skipped: nothing depends on it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: dict[PromptId, int] = {}  # by task: the serial of what is kept, or 0
        self._busy: set[PromptId] = set()
        state.subscribe(self._follow, self._follow)

    async def restore(self) -> None:
        """Load the kept previews of unfinished tasks."""
        for task in tuple(self._state.records.unfinished):
            if task.prompt_id in self._kept:
                continue
            try:
                blob = await self._state.ports.store.read_preview(task.prompt_id)
            except StorageError as error:
                log.info("no preview is read: %r", error)
                return
            if blob is not None:
                self._kept.setdefault(task.prompt_id, 0)
                if task.prompt_id in self._unfinished() and task.prompt_id not in self._state.live.previews:
                    self._state.live.show_preview(task.prompt_id, Preview(blob, blob.media_type, 0))
                self._state.changed()

    def _unfinished(self) -> set[PromptId]:
        return {task.prompt_id for task in self._state.records.unfinished}

    def _follow(self) -> None:
        """After every change of the session: keep new previews, delete those of ended tasks."""
        for prompt_id, preview in self._state.live.previews.items():
            if prompt_id not in self._busy and preview.serial > self._kept.get(prompt_id, 0):
                self._busy.add(prompt_id)
                self._state.spawn(self._keep(prompt_id), f"keep the preview of {prompt_id}")
        for prompt_id in [item for item in self._kept if item not in self._state.live.previews]:
            del self._kept[prompt_id]
            if self._has_ended(prompt_id):
                self._state.spawn(self._delete(prompt_id), f"delete the preview of {prompt_id}")

    def _has_ended(self, prompt_id: PromptId) -> bool:
        task = self._state.records.tasks.get(prompt_id)
        return task is not None and task.state.is_end

    async def _keep(self, prompt_id: PromptId) -> None:
        clock = self._state.ports.clock
        try:
            await clock.sleep(PAUSE if prompt_id in self._kept else FIRST_PAUSE)
            preview, task = self._state.live.previews.get(prompt_id), self._state.records.tasks.get(prompt_id)
            if preview is None or task is None or task.state.is_end:
                return
            self._kept[prompt_id] = preview.serial
            await self._state.ports.store.keep_preview(task, preview.blob, preview.media_type, clock.now())
        except (StorageError, NotOwner, TaskNotFound) as error:
            log.info("a preview is not kept: %r", error)
        finally:
            self._busy.discard(prompt_id)

    async def _delete(self, prompt_id: PromptId) -> None:
        try:
            await self._state.ports.store.delete_preview(prompt_id)
        except StorageError as error:
            log.info("a preview is not deleted: %r", error)
