"""Thumbnails that are searched for one by one: of orphans, and of the library's workflows."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

from app.core.errors import MooringError
from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob
from app.ui.kit.screen import Screen

log = logging.getLogger("mooring.ui")

ReadThumbnail = Callable[[PromptId, int], Awaitable[Blob | None]]
ReadInput = Callable[[str], Awaitable[Blob | None]]
Find = Callable[[], Awaitable[Blob | None]]

FIRST_OUTPUTS = 4  # of a run, among which a picture of a workflow is searched for


class Sights:
    """Keeps an address for each wanted picture; an empty one if there is none."""

    def __init__(
        self,
        screen: Screen,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._screen = screen
        self._spawn = spawn
        self._changed = changed
        self._urls: dict[str, str] = {}

    def url(self, name: str) -> str:
        """Return a picture's address, or an empty string."""
        return self._urls.get(name, "")

    def want(self, wanted: Mapping[str, Find]) -> None:
        """Search for these by their names, and release all others."""
        for name in [item for item in self._urls if item not in wanted]:
            if url := self._urls.pop(name):
                self._screen.revoke_url(url)
        for name, find in wanted.items():
            if name not in self._urls:
                self._urls[name] = ""
                self._spawn(self._find(name, find))

    async def _find(self, name: str, find: Find) -> None:
        try:
            blob = await find()
        except MooringError as error:
            log.info("no picture for %s: %r", name, error)
            return
        if blob is None or name not in self._urls:
            return
        self._urls[name] = self._screen.object_url(blob)
        self._changed()


class Glimpses:
    """One picture for each orphan: its thumbnail, otherwise its input picture."""

    def __init__(
        self,
        screen: Screen,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
        *,
        read_thumbnail: ReadThumbnail,
        read_input: ReadInput,
    ) -> None:
        self._sights = Sights(screen, spawn, changed)
        self._read_thumbnail = read_thumbnail
        self._read_input = read_input

    def url(self, prompt_id: PromptId) -> str:
        return self._sights.url(prompt_id)

    def refresh(self, tasks: Iterable[Task]) -> None:
        """Search for the pictures of these tasks, and release all others."""
        self._sights.want({task.prompt_id: self._finder(task) for task in tasks})

    def _finder(self, task: Task) -> Find:
        async def find() -> Blob | None:
            return await self._thumbnail(task) or await self._input(task)

        return find

    async def _thumbnail(self, task: Task) -> Blob | None:
        return await _first_thumbnail(self._read_thumbnail, task.prompt_id, len(task.delivery.outputs))

    async def _input(self, task: Task) -> Blob | None:
        for item in task.inputs:
            blob = await self._read_input(item.sha256) if item.sha256 else None
            if blob is not None and blob.media_type.startswith("image/"):
                return blob
        return None


def finder(prompts: Iterable[PromptId], read_thumbnail: ReadThumbnail) -> Find:
    """Return a search for a workflow's picture: from the first of these runs that has one."""

    async def find() -> Blob | None:
        for prompt_id in prompts:
            if (blob := await _first_thumbnail(read_thumbnail, prompt_id, FIRST_OUTPUTS)) is not None:
                return blob
        return None

    return find


async def _first_thumbnail(read_thumbnail: ReadThumbnail, prompt_id: PromptId, count: int) -> Blob | None:
    for index in range(count):
        if (blob := await read_thumbnail(prompt_id, index)) is not None:
            return blob
    return None
