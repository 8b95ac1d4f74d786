"""The promises (docs/promises.md) in a real browser, with real gateways and servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.kit.browser.chromium import BARE, open_headless_shell, wait_for_js
from tests.kit.browser.faults import BROKEN_NETWORK, Fleet, cancel_prompts
from tests.kit.browser.windows import PATIENCE, BrowserUser, MooringWindow, Watch
from tests.kit.browser.work import (
    ask_server,
    break_server,
    load_server,
    make_photo,
    paused,
    quick_workflow,
    runs_of,
    slow_workflow,
)
from tests.kit.module_gateways import gateway_of_fleet
from tests.kit.services import Service, free_ports, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STUDIO = "--host-resolver-rules=MAP studio.lan 127.0.0.1"  # no secure context
# Keep the store of waiting runs busy for as long as the page lives.
HOLD_LINE = """() => new Promise((resolve, reject) => {
  const open = indexedDB.open("mooring");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const line = open.result.transaction("waiting", "readwrite").objectStore("waiting");
    const hold = () => { line.count().onsuccess = hold; };
    hold();
    line.count().onsuccess = () => resolve();
  };
})"""

gateway = gateway_of_fleet


async def test_main_job_delivers_the_right_servers_picture(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow, tmp_path: Path
) -> None:
    first, second = window, await module_user.open()
    await fleet.stop_workers()  # so that no photo is done before the other is sent
    ids = await asyncio.gather(
        first.send_photo(make_photo(tmp_path, 1)),
        second.send_photo(make_photo(tmp_path, 2)),
    )
    await fleet.start_workers()
    tasks = [await first.wait_for(ids[0]), await second.wait_for(ids[1])]
    assert [task["state"] for task in tasks] == ["succeeded", "succeeded"]
    assert {task["executionServer"] for task in tasks} == {"a", "b"}, "simultaneous choices differ"
    for each, task in zip((first, second), tasks, strict=True):
        await each.check()
        await each.page.get_by_test_id("result-image").first.wait_for()
        for server_id, server in fleet.up.items():
            expected = 1 if server_id == task["executionServer"] else 0
            assert await runs_of(server, task["promptId"]) == expected
        await each.open_large(task["promptId"])
        shown = await picture_sum(each, "document.querySelector('dialog.large img').src")
        served = await picture_sum(each, "mooring.getTaskBoundImageUrl(a[0])", task["promptId"])
        assert shown == served
    await second.page.close()


async def picture_sum(window: MooringWindow, address: str, *arguments: Any) -> str:
    """Return the size and a digest of the pixels at an address, as the page shows them."""
    expression = f"""(async () => {{
      const image = new Image();
      image.src = {address};
      await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", pixels));
      return canvas.width + "x" + canvas.height + ":" + [...digest].map((b) => b.toString(16)).join("");
    }})()"""
    return str(await window.call(expression, *arguments))


async def test_polling_alone_finds_and_delivers_a_run(user: BrowserUser, fleet: Fleet, tmp_path: Path) -> None:
    """No WebSocket opens, and the answer to the submit is an error."""
    user.watch.expected += BROKEN_NETWORK
    await (await user.new_profile()).add_init_script(
        "globalThis.WebSocket = class extends WebSocket { constructor(url, ...rest) {"
        " super(String(url).replace(/[/](fleet|servers)[/].*/, '/refused'), ...rest); } };"
    )
    await fleet.break_all(next_submit="queued_then_500")
    window = await user.open()
    prompt_id = await window.send_photo(make_photo(tmp_path))
    task = await window.wait_for(prompt_id)
    assert task["state"] == "succeeded"
    assert (await window.facts())["webSocket"]["state"] != "open"
    await window.page.get_by_test_id("result-image").first.wait_for()
    assert sum((await fleet.submits()).values()) == 1


async def test_windows_on_a_hung_server_delay_no_other_run(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected.append("Failed to load resource")
    stuck, last = [await module_user.open() for _ in range(2)], window
    async with paused(*fleet.up.values()):
        others = await load_server(fleet["a"], 8)
        ids = [await each.submit(slow_workflow()) for each in stuck]
        assert [(await each.facts())["lockedServer"] for each in stuck] == ["b", "b"]
        await break_server(fleet["b"], hang=True)
        await cancel_prompts(fleet["a"], others)
        await asyncio.gather(*(each.call("resetWebSocketServer()") for each in stuck))
        for each, prompt_id in zip(stuck, ids, strict=True):
            await each.wait_state(prompt_id, "unreachable")
            await wait_for_js(each.page, "() => debugWebSocketLock().webSocket.state === 'opening'")

        prompt_id = await last.submit(slow_workflow())
        await last.wait_progress(prompt_id)
        while not await opens_while_waiting(last, stuck):  # a connection attempt may just have ended by itself
            pass
    task = await last.wait_for(prompt_id)
    assert (task["state"], task["executionServer"]) == ("succeeded", "a")

    assert (await ask_server(fleet["b"], "/demo/faults"))["faults"]["hang"]
    for each, stuck_id in zip(stuck, ids, strict=True):
        assert (await each.task(stuck_id))["state"] == "unreachable"
        assert (await each.facts())["webSocket"]["state"] in {"opening", "waiting"}
        await each.page.close()
    await break_server(fleet["b"], hang=False)


async def opens_while_waiting(window: MooringWindow, stuck: list[MooringWindow]) -> bool:
    """Reopen a window's socket, and return whether it opened before earlier ones to a hung server ended."""
    for other in stuck:
        await wait_for_js(other.page, "() => debugWebSocketLock().webSocket.state === 'opening'")
    before = [await other.call("debugWebSocketLock()") for other in stuck]
    closed = (await window.call("debugWebSocketLock()"))["reconnects"]
    await window.call("resetWebSocketServer()")
    await wait_for_js(
        window.page,
        "(n) => debugWebSocketLock().reconnects > n && debugWebSocketLock().webSocket.state === 'open'",
        arg=closed,
    )
    after = [await other.call("debugWebSocketLock()") for other in stuck]
    facts = [(lock["webSocket"]["state"], lock["reconnects"]) for lock in (*before, *after)]
    return any(
        former == later and former[0] == "opening"
        for former, later in zip(facts[: len(stuck)], facts[len(stuck) :], strict=True)
    )


async def test_killed_server_gets_no_other_and_its_picture_stays(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    made = await window.wait_for(await window.submit(quick_workflow()))
    await window.call("mooring.uploadImage(new Blob(['x'], {type: 'image/png'}), 'x.png')")
    locked = (await window.facts())["lockedServer"]
    for server_id in {locked, made["executionServer"]}:
        fleet.kill(server_id)
    name = await window.call("mooring.submitWorkflow(a[0]).catch((error) => error.name)", quick_workflow(4))
    assert name == "ConnectError"
    task = (await window.call("windowTasks"))[-1]
    assert (task["state"], task["executionServer"]) == ("failed", locked)
    for server in fleet.up.values():
        assert await runs_of(server, task["promptId"]) == 0
    await expect(window.card(task["promptId"])).to_contain_text(locked)
    await window.reload()
    picture = window.card(made["promptId"]).get_by_test_id("result-image")
    await wait_for_js(window.page, "(image) => image.naturalWidth === 64", arg=await picture.element_handle())


async def test_click_is_reported_after_its_renderer_was_killed(gateway: Service, fleet: Fleet, tmp_path: Path) -> None:
    port = free_ports()
    async with open_headless_shell(f"--remote-debugging-port={port}", profile=tmp_path / "profile") as context:
        context.set_default_timeout(PATIENCE)
        watch = Watch(gateway.url, "favicon.ico")  # the bare document has none
        watch.attach(context)
        window, reader = await MooringWindow.open(context, f"{gateway.url}/"), await context.new_page()
        await window.ready()
        await reader.goto(f"{gateway.url}{BARE}")
        await fleet.break_all(next_submit="hold")
        await window.page.evaluate(
            "(workflow) => { globalThis.held = mooring.submitWorkflow(workflow).catch(() => {}); }", quick_workflow(5)
        )
        await wait_for_js(window.page, "() => windowTasks.length === 1")
        (task,) = await window.call("windowTasks")
        record = await stored_record(reader, task["promptId"])
        assert record["state"] == "registered"
        assert record["server_id"] == task["executionServer"]
        window_id = (await window.facts())["windowId"]
        await until_holding(fleet)

        target = await kill_renderer(window.page)
        async with restored(port, target) as page:
            window = MooringWindow(page)
            await window.ready()
            assert (await window.facts())["windowId"] == window_id
            await window.wait_state(task["promptId"], "lost")
            assert sum([await runs_of(server, task["promptId"]) for server in fleet.up.values()]) == 0
            await window.card(task["promptId"]).wait_for()
            assert (await window.facts())["lockedServer"] is None
    watch.check()


async def test_press_survives_a_crash_that_changes_the_window_id(fleet: Fleet, tmp_path: Path) -> None:
    """At an address without Web Locks; the store is busy from the click on, so that the tab alone has the press."""
    port, file = free_ports(), tmp_path / "fleet.toml"
    file.write_text(f'[gateway]\nnames = ["studio.lan"]\n\n[[server]]\nid = "a"\nurl = "{fleet["a"].url}"\n', "utf-8")
    flags = (STUDIO, f"--remote-debugging-port={port}")
    with start_gateway("--fleet", str(file)) as gateway:
        async with open_headless_shell(*flags, profile=tmp_path / "profile") as context:
            context.set_default_timeout(PATIENCE)
            address = f"http://studio.lan:{gateway.port}"
            watch = Watch(address)
            watch.attach(context)
            window = await MooringWindow.open(context, f"{address}/")
            await window.ready()
            await window.choose_small_text()
            window_id = (await window.facts())["windowId"]
            await window.page.evaluate(HOLD_LINE)
            await window.page.locator("[data-testid=run]:enabled").click()
            await wait_for_js(window.page, "sessionStorage['mooring.presses']")
            assert await window.call("[navigator.locks === undefined, windowTasks.length]") == [True, 0]

            target = await kill_renderer(window.page)
            async with restored(port, target) as page:
                window = MooringWindow(page)
                await window.ready()
                assert (await window.facts())["windowId"] != window_id
                await wait_for_js(page, "windowTasks.some((task) => task.state === 'succeeded')")
                ((task),) = await window.call("windowTasks")
                assert await runs_of(fleet["a"], task["promptId"]) == 1
                assert (await fleet.submits())["a"] == 1, "one press is one run"
                await expect(window.card(task["promptId"], "succeeded")).to_be_visible()
                assert await page.evaluate("sessionStorage['mooring.presses'] === undefined")
        watch.check()


async def stored_record(page: Page, prompt_id: str) -> dict[str, Any]:
    """Return the record as another tab reads it from the store, without our code."""
    return dict(
        await page.evaluate(
            """(id) => new Promise((resolve, reject) => {
              const open = indexedDB.open("mooring");
              open.onerror = () => reject(open.error);
              open.onsuccess = () => {
                const get = open.result.transaction("tasks").objectStore("tasks").get(id);
                get.onsuccess = () => { open.result.close(); resolve(get.result); };
                get.onerror = () => reject(get.error);
              };
            })""",
            prompt_id,
        )
    )


async def until_holding(fleet: Fleet) -> None:
    """Wait until one server holds the submit without an answer."""
    # the condition is in another process
    while sum([(await ask_server(server, "/demo/faults"))["holding"] for server in fleet.up.values()]) != 1:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def kill_renderer(page: Page) -> str:
    """End the tab's process as the out-of-memory killer does, and return the tab's DevTools id, which stays."""
    session = await page.context.new_cdp_session(page)
    target = await session.send("Target.getTargetInfo")
    crashed = asyncio.get_running_loop().create_future()
    page.once("crash", lambda _: crashed.set_result(None))
    crash = asyncio.ensure_future(session.send("Page.crash"))
    await crashed
    crash.cancel()
    return str(target["targetInfo"]["targetId"])


@contextlib.asynccontextmanager
async def restored(port: int, target: str) -> AsyncIterator[Page]:
    """The dead tab after *Reload* on its crash page. Playwright has dropped it, so this is a second connection."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{port}/devtools/page/{target}") as socket,
    ):
        await socket.send_json({"id": 1, "method": "Page.reload"})
        await socket.receive_json()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        (context,) = browser.contexts
        for page in context.pages:
            found = await (await context.new_cdp_session(page)).send("Target.getTargetInfo")
            if found["targetInfo"]["targetId"] == target:
                page.set_default_timeout(PATIENCE)
                yield page
                return
        raise AssertionError("the tab is gone")
