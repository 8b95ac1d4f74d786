"""Short requests never wait for uploads and results, and few of a browser's connections carry those."""

from __future__ import annotations

import asyncio

from app.core.model import PromptId
from app.core.ports.transfers import MOST_TRANSFERS
from tests.kit.stage import PHOTO, A, B, C, Stage, scene, window_of
from tests.simulation.network import Mishap
from tests.simulation.world import Page

UPLOAD, RESULT = ("POST", "upload"), ("GET", "view")
SOON = 0.3  # seconds


def be_slow(stage: Stage, route: tuple[str, str], count: int = 1) -> None:
    """Let the next such transfers take up to a minute."""
    for _ in range(count):
        stage.world.weather.armed.append(Mishap("answer late", lambda exchange: exchange.route == route))


async def upload_slowly(stage: Stage, page: Page) -> asyncio.Task[PromptId]:
    """Press Run with a picture whose upload takes long, and wait until that has begun."""
    be_slow(stage, UPLOAD)
    clicking = stage.begin(page, picture=PHOTO, server_id=A)
    await stage.until(lambda: stage.requests("POST", "/upload"))
    return clicking


@scene
async def test_stop_leaves_while_upload_hangs(stage: Stage) -> None:
    page = await stage.window()
    running = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, running)
    clicking = await upload_slowly(stage, page)
    since = stage.now
    await page.session.cancel(running)
    assert stage.now - since < SOON
    assert not clicking.done()
    stopped = await stage.ended(page, running)
    assert stopped.state.value == "cancelled"
    await stage.ended(page, await clicking)


@scene
async def test_prompt_leaves_while_result_is_fetched(stage: Stage) -> None:
    page = await stage.window()
    be_slow(stage, RESULT)
    first = await stage.run(page, server_id=A)
    await stage.until(lambda: stage.requests("GET", "/view"))
    since = stage.now
    second = await stage.run(page, server_id=A)
    [_, posted] = stage.requests("POST", "/prompt")
    assert posted.at - since < SOON
    assert not window_of(page).tasks[first].is_delivered
    await stage.ended(page, second)
    await stage.ended(page, first)


@scene
async def test_few_transfers_of_all_windows_are_under_way(stage: Stage) -> None:
    """The world checks at each transfer that there are never more."""
    pages = [await stage.window() for _ in range(2 * MOST_TRANSFERS)]
    be_slow(stage, UPLOAD, len(pages))
    servers = (A, B, C) * 2
    clicks = [stage.begin(page, picture=PHOTO, server_id=servers[number]) for number, page in enumerate(pages)]
    transfers = stage.world.network.transfers
    await stage.until(lambda: len(transfers) == MOST_TRANSFERS)
    await asyncio.gather(*clicks)
    assert len(stage.requests("POST", "/upload")) == len(pages)


@scene
async def test_closed_window_gives_its_place_back(stage: Stage) -> None:
    pages = [await stage.window() for _ in range(MOST_TRANSFERS + 1)]
    be_slow(stage, UPLOAD, len(pages))
    for page in pages:
        stage.begin(page, picture=PHOTO)
    await stage.until(lambda: len(stage.world.network.transfers) == MOST_TRANSFERS)
    holder = next(page for page in pages if page.life is stage.world.network.transfers[0])
    waiting = next(page for page in pages if page.life not in stage.world.network.transfers)
    since = stage.now
    stage.world.leave(holder, crashed=True)
    await stage.until(lambda: waiting.life in stage.world.network.transfers)
    assert stage.now - since < SOON


@scene
async def test_cancelled_wait_leaves_place_to_others(stage: Stage) -> None:
    pages = [await stage.window() for _ in range(MOST_TRANSFERS + 2)]
    be_slow(stage, UPLOAD, MOST_TRANSFERS)
    clicks = [stage.begin(page, picture=PHOTO) for page in pages[:MOST_TRANSFERS]]
    await stage.until(lambda: len(stage.world.network.transfers) == MOST_TRANSFERS)
    left, stayed = (stage.begin(page, picture=PHOTO) for page in pages[MOST_TRANSFERS:])
    await stage.until(lambda: len(stage.world.browser.waiting) == 2)
    left.cancel()
    await asyncio.wait({left})
    await asyncio.gather(stayed, *clicks)
    assert len(stage.requests("POST", "/upload")) == MOST_TRANSFERS + 1


@scene
async def test_without_locks_each_window_has_one_place(stage: Stage) -> None:
    """The world checks that no window has two: here a result of one server and an upload to another."""
    stage.world.browser.has_locks = False
    pages = [await stage.window() for _ in range(MOST_TRANSFERS + 1)]
    be_slow(stage, RESULT)
    first = await stage.run(pages[0], server_id=A)
    await stage.until(lambda: stage.world.network.transfers)
    be_slow(stage, UPLOAD, len(pages))
    clicks = [stage.begin(page, picture=PHOTO, server_id=(B, C)[number // 2]) for number, page in enumerate(pages)]
    await stage.until(lambda: len(stage.world.network.transfers) > MOST_TRANSFERS)
    await asyncio.gather(*clicks)
    await stage.ended(pages[0], first)
