"""Faults of windows, and of the browser that they share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.core.model import PromptId, WindowId
from tests.simulation.faults import Aim, fault
from tests.simulation.phases import Phase, all_work, work_of
from tests.simulation.store import SimStore

if TYPE_CHECKING:
    from tests.simulation.world import Page, World

MOST_PAGES = 7
HOUR = 3600.0


def _able(aim: Aim) -> Page | None:
    """Return the target page, if it can act."""
    page = aim.page
    return page if page is not None and page.is_awake and page.tab.window_id is not None else None


@fault("window reloaded", 2)
def reload(world: World, aim: Aim) -> Iterable[str] | None:
    """The user reloads the page."""
    page = _able(aim)
    if page is None:
        return None
    met = work_of(world, page)
    world.reload(page)
    return met


@fault("window duplicated")
def duplicate(world: World, aim: Aim) -> Iterable[str] | None:
    """The user duplicates the tab: the copy has its session storage, and is another window."""
    page = _able(aim)
    if page is None or len(world.pages) >= MOST_PAGES:
        return None
    world.open(page.tab.duplicate())
    return work_of(world, page)


@fault("window crashed", 2)
def crash(world: World, aim: Aim) -> Iterable[str] | None:
    """The renderer crashes, and the user reloads the tab."""
    page = _able(aim)
    if page is None:
        return None
    met = work_of(world, page)
    world.reload(page, crashed=True)
    return met


@fault("window discarded")
def discard(world: World, aim: Aim) -> Iterable[str] | None:
    """The browser needs memory: the page is discarded without notice, and reloads when the user returns."""
    page = _able(aim)
    if page is None or len(world.pages) < 2:
        return None
    met = work_of(world, page)
    tab = world.leave(page, crashed=True)
    world.away.append(tab)

    def return_to_tab() -> None:
        if tab in world.away:
            world.away.remove(tab)
            world.open(tab)

    world.later(world.chance.uniform(2.0, 90.0), return_to_tab)
    return met


@fault("window closed")
def close(world: World, aim: Aim) -> Iterable[str] | None:
    """The user closes the tab for good, and opens a new one."""
    page = _able(aim)
    if page is None:
        return None
    met = work_of(world, page)
    world.leave(page, crashed=False)
    world.open()
    return met


@fault("window frozen")
def freeze(world: World, aim: Aim) -> Iterable[str] | None:
    """The computer or the tab sleeps, for a minute or for an hour; the socket may break."""
    page = _able(aim)
    if page is None:
        return None
    page.life.freeze()
    if world.chance.random() < 0.5:
        page.sockets.vanish()
    is_long = world.chance.random() < 0.3
    world.later(HOUR if is_long else world.chance.uniform(2.0, 60.0), lambda: thaw(page))
    return work_of(world, page)


def thaw(page: Page) -> None:
    """The page continues, if it still lives."""
    if page.life.is_alive and page.life.is_frozen:
        page.life.thaw()
        page.session.wake("resume")


@fault("window cached")
def put_into_cache(world: World, aim: Aim) -> Iterable[str] | None:
    """The user goes to another page and back: the page was cached, unless another window requested its lock."""
    page = _able(aim)
    if page is None or page.tab.window_id is None or not world.has_locks:
        return None
    page.life.freeze()
    page.sockets.vanish()
    ids = page.tab.ids
    world.browser.cached.update(dict.fromkeys(ids, page.life))

    def back() -> None:
        for window_id in ids:
            world.browser.cached.pop(window_id, None)
        world.remove_evicted()
        if page.life.is_alive:
            thaw(page)
        elif page.tab in world.away:
            world.away.remove(page.tab)
            world.open(page.tab)

    world.later(world.chance.uniform(2.0, 60.0), back)
    return work_of(world, page)


@fault(
    "adopted while alive",
    unreachable=dict.fromkeys((Phase.RESERVED, Phase.UPLOADING), "a reservation cannot be adopted"),
)
def adopt_from_the_living(world: World, aim: Aim) -> Iterable[str] | None:
    """Another window adopts a task and the runs that wait behind it, though its owner lives: it looked dead."""
    record = world.database.tasks.get(aim.prompt_id)
    others = [page for page in world.pages if page is not aim.page and page.is_awake and page.window]
    if record is None or aim.page is None or not others:
        return None
    other = world.chance.choice(others)
    if other.tab.window_id is None:
        return None
    seen = (WindowId(record["owner"]), int(record["epoch"]))
    world.spawn(_adopt(world, other, PromptId(aim.prompt_id), seen), "adopt")
    return [aim.prompt_id]


async def _adopt(world: World, page: Page, prompt_id: PromptId, seen: tuple[WindowId, int]) -> None:
    """Adopt by the store's own operations; the new owner reads the task at its next load."""
    store, heir = SimStore(world.database), page.tab.window_id
    if heir is not None:
        if seen[0] in world.database.lines:
            await store.adopt_line(seen[0], heir, f"line of {heir} at {world.loop.time()}")
        await store.adopt(prompt_id, seen, heir)
        if page in world.pages:
            world.reload(page)


# The browser


@fault("storage full")
def fill_storage(world: World, _: Aim) -> Iterable[str] | None:
    """Writes fail for a while."""
    if world.database.is_full:
        return None
    world.database.is_full = True

    def free() -> None:
        world.tally.excuse("storage full", all_work(world))
        world.database.is_full = False

    world.later(world.chance.uniform(0.5, 30.0), free)
    return all_work(world)


@fault("storage blocked")
def block_storage(world: World, _: Aim) -> Iterable[str] | None:
    """Reads and writes fail for a while."""
    if world.database.is_blocked:
        return None
    world.database.is_blocked = True

    def free() -> None:
        world.tally.excuse("storage blocked", all_work(world))
        world.database.is_blocked = False

    world.later(world.chance.uniform(0.5, 20.0), free)
    return all_work(world)


@fault("storage failing")
def break_storage(world: World, _: Aim) -> Iterable[str] | None:
    """The next few operations fail."""
    world.database.fail_next = world.chance.choice([1, 2, 5])
    return all_work(world)


@fault("clock jumped")
def jump_clock(world: World, _: Aim) -> Iterable[str] | None:
    """The computer's clock is set forward or back."""
    world.browser.clock_shift += world.chance.choice([-7200.0, -3600.0, -5.0, 5.0, 3600.0, 86400.0])
    return all_work(world)
