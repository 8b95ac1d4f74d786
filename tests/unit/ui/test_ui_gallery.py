"""The addresses of pictures: one each, let go when no longer shown."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from app.core.model import Delivery
from app.session import Preview
from app.ui.gallery import Gallery
from tests.unit.ui.kit import Bytes, MemoryScreen, StillSession, ended, output, task, window

RUNNING = task("a")
DONE = ended("b", output(delivery=Delivery.KEPT))


class Rig:
    """A gallery with its session and screen."""

    def __init__(self, session: StillSession) -> None:
        self.session, self.screen = session, MemoryScreen()
        self.work: list[asyncio.Task[None]] = []
        self.changes = 0
        self.gallery = Gallery(session, self.screen, self._spawn, self._changed)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.work.append(asyncio.get_running_loop().create_task(work))

    def _changed(self) -> None:
        self.changes += 1

    async def refresh(self) -> None:
        self.gallery.refresh()
        while self.work:
            await self.work.pop(0)


async def test_a_preview_keeps_its_address_until_a_newer_one_comes() -> None:
    rig = Rig(StillSession(previews={RUNNING.prompt_id: Preview(Bytes(), "image/jpeg", 1)}))
    await rig.refresh()
    first = rig.gallery.preview_url(RUNNING.prompt_id)
    await rig.refresh()
    assert rig.gallery.preview_url(RUNNING.prompt_id) == first
    rig.session.previews = {RUNNING.prompt_id: Preview(Bytes(), "image/jpeg", 2)}
    await rig.refresh()
    assert rig.gallery.preview_url(RUNNING.prompt_id) != first
    assert first in rig.screen.urls  # still shown until the newer one is decoded


async def test_previews_do_not_pile_up() -> None:
    rig = Rig(StillSession())
    for serial in range(50):
        rig.session.previews = {RUNNING.prompt_id: Preview(Bytes(), "image/jpeg", serial)}
        await rig.refresh()
    assert len(rig.screen.urls) == 2
    rig.session.previews = {}
    await rig.refresh()
    assert rig.screen.urls == {}


async def test_a_kept_result_is_read_once() -> None:
    rig = Rig(StillSession(window=window(DONE), kept={(DONE.prompt_id, 0): Bytes()}))
    await rig.refresh()
    await rig.refresh()
    assert rig.gallery.result_url(DONE.prompt_id, 0) == "blob:1"
    assert (rig.changes, rig.screen.made) == (1, 1)


async def test_a_result_that_is_not_kept_any_more_is_looked_for_once() -> None:
    rig = Rig(StillSession(window=window(DONE)))
    assert rig.gallery.result_url(DONE.prompt_id, 0) is None
    await rig.refresh()
    assert rig.gallery.result_url(DONE.prompt_id, 0) == ""


async def test_a_removed_task_lets_go_of_its_pictures() -> None:
    rig = Rig(StillSession(window=window(DONE), kept={(DONE.prompt_id, 0): Bytes()}))
    await rig.refresh()
    rig.session.window = window()
    await rig.refresh()
    assert rig.screen.urls == {}


async def test_a_picture_that_is_not_home_yet_is_not_asked_for_here() -> None:
    pending = ended("c", output(delivery=Delivery.PENDING))
    rig = Rig(StillSession(window=window(pending)))
    await rig.refresh()
    assert rig.gallery.result_url(pending.prompt_id, 0) is None
