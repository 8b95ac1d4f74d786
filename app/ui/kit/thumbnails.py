"""Small pictures that are looked for one by one: of what another window has left behind, of the library's workflows."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

from app.core.errors import MooringError
from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob
from app.ui.kit.screen import Screen
from app.workflows.library import Item

log = logging.getLogger("mooring.ui")

ReadThumbnail = Callable[[PromptId, int], Awaitable[Blob | None]]
ReadInput = Callable[[str], Awaitable[Blob | None]]
Find = Callable[[], Awaitable[Blob | None]]

FIRST_OUTPUTS = 4  # of a run, among which a picture of a workflow is looked for


class Sights:
    """Keeps an address for each picture that is wanted; an empty one where there is none."""

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
        """A picture's address, or nothing."""
        return self._urls.get(name, "")

    def want(self, wanted: Mapping[str, Find]) -> None:
        """Look for these by their names, and let go of all others."""
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
    """One picture for each task that was left behind: its thumbnail, else the picture put in."""

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
        """Its picture's address, or nothing."""
        return self._sights.url(prompt_id)

    def refresh(self, tasks: Iterable[Task]) -> None:
        """Look for the pictures of these tasks, and let go of all others."""
        self._sights.want({task.prompt_id: self._finder(task) for task in tasks})

    def _finder(self, task: Task) -> Find:
        async def find() -> Blob | None:
            return await self._thumbnail(task) or await self._input(task)

        return find

    async def _thumbnail(self, task: Task) -> Blob | None:
        return await _first_thumbnail(self._read_thumbnail, task.prompt_id, len(task.outputs))

    async def _input(self, task: Task) -> Blob | None:
        for item in task.inputs:
            blob = await self._read_input(item.sha256) if item.sha256 else None
            if blob is not None and blob.media_type.startswith("image/"):
                return blob
        return None


def item_finder(item: Item, read_thumbnail: ReadThumbnail) -> Find:
    """Looks for a workflow's picture: of its latest run here that has one."""

    async def find() -> Blob | None:
        for prompt_id in item.prompts:
            if (blob := await _first_thumbnail(read_thumbnail, prompt_id, FIRST_OUTPUTS)) is not None:
                return blob
        return None

    return find


async def _first_thumbnail(read_thumbnail: ReadThumbnail, prompt_id: PromptId, count: int) -> Blob | None:
    for index in range(count):
        if (blob := await read_thumbnail(prompt_id, index)) is not None:
            return blob
    return None
