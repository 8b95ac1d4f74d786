"""Short requests leave while a film is uploaded, and windows count their transfers together."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.kit.browser.chromium import load_python, run_python
from tests.kit.browser.windows import open_user
from tests.kit.browser.work import quick_workflow
from tests.kit.services import Service, start_demo, start_gateway
from tests.kit.slow_line import slow_line

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

FILM = 200 * 1024 * 1024  # bytes
RATE = 10_000_000  # of the line: the film takes 20 s
UPLOAD_FILM = """(size) => {
  globalThis.film = "waiting";
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (body) {
    this.upload.addEventListener("progress", () => { globalThis.film = "under way"; });
    this.addEventListener("loadend", () => { globalThis.film = "over"; });
    send.call(this, body);
  };
  const blob = new Blob(Array(size / 1048576).fill(new Uint8Array(1048576)), { type: "video/mp4" });
  mooring.uploadImage(blob, "film.mp4").catch(() => {});  // the test ends before it
}"""
HOLD = """
    import asyncio
    from app.browser.transfers import BrowserTransfers

    async def hold(place):
        async with place:
            held.append(place)
            await asyncio.Event().wait()

    held, transfers = [], BrowserTransfers()
    BrowserTransfers.held = held
    BrowserTransfers.tasks = [asyncio.ensure_future(hold(transfers.place(path))) for path in paths]
    while len(held) < most:
        await asyncio.sleep(0.01)
    return len(held)
"""
COUNT = "from app.browser.transfers import BrowserTransfers; return len(BrowserTransfers.held)"
UNTIL_TWO = """
    import asyncio
    from app.browser.transfers import BrowserTransfers
    while len(BrowserTransfers.held) < 2:
        await asyncio.sleep(0.01)
"""
CANCEL = """
    import asyncio
    from app.browser.transfers import BrowserTransfers
    for task in BrowserTransfers.tasks:
        task.cancel()
    await asyncio.wait(BrowserTransfers.tasks)
"""
LOCKS = """async () => {
  const { held, pending } = await navigator.locks.query();
  const count = (locks) => locks.filter(({ name }) => name.startsWith("mooring-transfer:")).length;
  return [count(held), count(pending)];
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def far_gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A gateway to a server at the end of a slow line."""
    data = tmp_path_factory.mktemp("far")
    with start_demo("--max-upload-size", "300", "--step-seconds", "0.1", data=data) as demo:
        async with slow_line(demo.port, RATE) as port:
            with start_gateway("--server", f"far=http://127.0.0.1:{port}") as gateway:
                yield gateway


async def test_stop_leaves_while_film_is_uploaded(browser: Browser, far_gateway: Service) -> None:
    async with open_user(browser, far_gateway.url) as user:
        window = await user.open()
        prompt_id = await window.run_slow()
        await window.page.evaluate(UPLOAD_FILM, FILM)
        await window.page.wait_for_function("film === 'under way'")
        await window.press_cancel(prompt_id)
        assert await window.page.evaluate("film") == "under way"


async def test_prompt_leaves_while_film_is_uploaded(browser: Browser, far_gateway: Service) -> None:
    async with open_user(browser, far_gateway.url) as user:
        window = await user.open()
        await window.page.evaluate(UPLOAD_FILM, FILM)
        await window.page.wait_for_function("film === 'under way'")
        await window.wait_state(await window.submit(quick_workflow(7)), "succeeded")
        assert await window.page.evaluate("film") == "under way"


async def test_windows_share_three_places(browser: Browser, gateway: Service) -> None:
    """A closed window gives its places back, and a cancelled wait leaves the line."""
    context = await browser.new_context()
    first, second, third = [await context.new_page() for _ in range(3)]
    for page in (first, second, third):
        await load_python(page, gateway.url)
    paths = ["/servers/a/view", "/servers/b/view"]
    assert await run_python(first, HOLD, paths=paths, most=2) == 2
    assert await run_python(second, HOLD, paths=paths, most=1) == 1
    assert await run_python(third, HOLD, paths=paths, most=0) == 0
    await third.wait_for_function(f"({LOCKS})().then(([held, pending]) => held === 3 && pending === 9)")
    assert [await run_python(page, COUNT) for page in (first, second, third)] == [2, 1, 0]
    await run_python(third, CANCEL)
    await second.wait_for_function(f"({LOCKS})().then(([held, pending]) => held === 3 && pending === 3)")
    await first.close()
    await second.wait_for_function(f"({LOCKS})().then(([held, pending]) => held === 2 && pending === 0)")
    await run_python(second, UNTIL_TWO)
    await run_python(second, CANCEL)
    await second.wait_for_function(f"({LOCKS})().then(([held, pending]) => held === 0 && pending === 0)")
    await context.close()


async def test_servers_of_their_own_have_their_own_places(browser: Browser, gateway: Service) -> None:
    """Without a gateway, each server has its own connections."""
    context = await browser.new_context()
    page = await context.new_page()
    await load_python(page, gateway.url)
    paths = [f"http://{name}.lan:8188/view" for name in "ab" for _ in range(4)]
    assert await run_python(page, HOLD, paths=paths, most=6) == 6
    await page.wait_for_function(f"({LOCKS})().then(([held, pending]) => held === 6 && pending === 6)")
    await context.close()
