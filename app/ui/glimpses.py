"""One small picture for each task that another window has left behind: its thumbnail, else the picture put in."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from app.core.errors import MooringError
from app.core.model import PromptId, Task
from app.core.ports import Blob
from app.ui.screen import Screen

log = logging.getLogger("mooring.ui")

ReadThumbnail = Callable[[PromptId, int], Awaitable[Blob | None]]
ReadInput = Callable[[str], Awaitable[Blob | None]]


class Glimpses:
    """Keeps an address for each of them; an empty one where there is no picture."""

    def __init__(
        self,
        screen: Screen,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
        *,
        read_thumbnail: ReadThumbnail,
        read_input: ReadInput,
    ) -> None:
        self._screen = screen
        self._spawn = spawn
        self._changed = changed
        self._read_thumbnail = read_thumbnail
        self._read_input = read_input
        self._urls: dict[PromptId, str] = {}

    def url(self, prompt_id: PromptId) -> str:
        """Its picture's address, or nothing."""
        return self._urls.get(prompt_id, "")

    def refresh(self, tasks: Iterable[Task]) -> None:
        """Look for the pictures of these tasks, and let go of all others."""
        wanted = {task.prompt_id: task for task in tasks}
        for prompt_id in [item for item in self._urls if item not in wanted]:
            if url := self._urls.pop(prompt_id):
                self._screen.revoke_url(url)
        for prompt_id, task in wanted.items():
            if prompt_id not in self._urls:
                self._urls[prompt_id] = ""
                self._spawn(self._find(task))

    async def _find(self, task: Task) -> None:
        try:
            blob = await self._thumbnail(task) or await self._input(task)
        except MooringError as error:
            log.info("no picture for %s: %r", task.prompt_id, error)
            return
        if blob is None or task.prompt_id not in self._urls:
            return
        self._urls[task.prompt_id] = self._screen.object_url(blob)
        self._changed()

    async def _thumbnail(self, task: Task) -> Blob | None:
        for index in range(len(task.outputs)):
            if (blob := await self._read_thumbnail(task.prompt_id, index)) is not None:
                return blob
        return None

    async def _input(self, task: Task) -> Blob | None:
        for item in task.inputs:
            blob = await self._read_input(item.sha256) if item.sha256 else None
            if blob is not None and blob.media_type.startswith("image/"):
                return blob
        return None
