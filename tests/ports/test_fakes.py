"""The port suite on the in-memory store, and on the simulation's windows and full disk."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping

import pytest

from app.core.model import WindowId
from app.core.ports.blobs import Blob, KeepSettings
from app.core.ports.documents import DocumentKey, DocumentStore
from app.core.ports.store import PastStore, TaskStore
from app.core.ports.windows import Identity
from app.session.memory.database import MemoryDatabase
from app.session.memory.store import MemoryStore
from tests.ports import identity, suite
from tests.ports.database import BOUND, QUOTA
from tests.ports.memory_documents import MemoryDocuments
from tests.simulation import browser as fake_browser
from tests.simulation.store import INPUT_BOUND, RESULT_BOUND, Bytes, SimDatabase, SimPageBlobs, SimStore


class DatabaseInMemory:
    """An empty database in memory."""

    def __init__(self, open_store: Callable[[], MemoryStore]) -> None:
        self._open_store = open_store
        self._documents: dict[DocumentKey, str] = {}

    def store(self) -> TaskStore:
        return self._open_store()

    def past(self) -> PastStore:
        return self._open_store()

    def documents(self) -> DocumentStore:
        return MemoryDocuments(self._documents)

    def blob(self, data: bytes, media_type: str = "") -> Blob:
        return Bytes(data, media_type)

    async def picture(self, width: int, height: int) -> Blob:
        return Bytes(bytes(width * height), "image/png")

    async def damage(self, prompt_id: str, changes: Mapping[str, object], without: Collection[str] = ()) -> None:
        tasks = self._open_store().database.tasks
        record = {**tasks[prompt_id], **changes}
        tasks[prompt_id] = {name: value for name, value in record.items() if name not in without}


def test_simulated_store_has_the_suites_bounds() -> None:
    assert RESULT_BOUND == INPUT_BOUND == BOUND


@pytest.mark.parametrize("name", suite.checks())
async def test_memory_store_satisfies_the_port(name: str) -> None:
    database = MemoryDatabase(KeepSettings(BOUND), BOUND, SimPageBlobs())
    await suite.checks()[name](DatabaseInMemory(lambda: MemoryStore(database)))


@pytest.mark.parametrize("name", suite.room_checks())
async def test_simulated_store_makes_room_on_a_full_disk(name: str) -> None:
    database = SimDatabase(quota=QUOTA)
    await suite.room_checks()[name](DatabaseInMemory(lambda: SimStore(database)))


class SimulatedTabs:
    """The simulation's tabs; each page load is a PageLife."""

    def __init__(self, has_locks: bool) -> None:
        self.has_locks = has_locks
        self._browser = fake_browser.Browser(has_locks)
        self._chance = random.Random(7)
        self._windows: dict[int, fake_browser.TabWindows] = {}

    def _load(self, tab: fake_browser.Tab) -> fake_browser.Tab:
        life = fake_browser.PageLife(asyncio.get_running_loop(), self._chance)
        self._windows[id(tab)] = fake_browser.TabWindows(tab, life)
        return tab

    async def open(self) -> fake_browser.Tab:
        return self._load(fake_browser.Tab(self._browser))

    async def duplicate(self, tab: fake_browser.Tab) -> fake_browser.Tab:
        return self._load(tab.duplicate())

    async def reload(self, tab: fake_browser.Tab) -> None:
        tab.leave()
        self._load(tab)

    async def close(self, tab: fake_browser.Tab) -> None:
        tab.leave()

    async def claim(self, tab: fake_browser.Tab) -> Identity:
        return await self._windows[id(tab)].claim()

    async def claim_other(self, tab: fake_browser.Tab, window_id: str) -> bool:
        return await self._windows[id(tab)].claim_other(WindowId(window_id))

    async def is_alive(self, tab: fake_browser.Tab, window_id: str) -> bool | None:
        return await self._windows[id(tab)].is_alive(WindowId(window_id))


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "no-locks"])
@pytest.mark.parametrize("name", identity.checks())
async def test_simulated_windows_satisfy_the_port(name: str, has_locks: bool) -> None:
    await identity.checks()[name](SimulatedTabs(has_locks))
