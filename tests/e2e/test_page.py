"""The page in a real browser: the main job, what patches leave alone, what survives a reload, and refusals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from tests.kit.browser.chromium import BARE, refused_once, wait_for_js
from tests.kit.browser.windows import FIRST_SCRIPT as USUAL
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import demo_servers, paused, quick_workflow, slow_workflow
from tests.kit.services import ROOT, Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ARTIFACTS = ROOT / "tests" / "artifacts"

# Count the stacks that Python makes for JSPI.
FIRST_SCRIPT = f"""{USUAL}
  globalThis.stacksMade = 0;
  const {{ promising }} = WebAssembly;
  WebAssembly.promising = (called) => {{ stacksMade += 1; return promising(called); }};
"""


async def test_photo_is_uploaded_and_its_picture_delivered(window: MooringWindow, photo: Path) -> None:
    page = window.page
    prompt_id = await window.run_photo(photo)
    ended = window.card(prompt_id, "succeeded")
    picture = ended.locator("[data-testid=result-image]")
    assert (await picture.get_attribute("src") or "").startswith("blob:")
    large = await window.open_large(prompt_id)
    size = "(image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    assert await large.evaluate(size) == [2048, 1370]
    await expect(page.locator("dialog.large [data-pixels]")).to_have_text("2048 × 1370")
    await expect(page.locator("dialog.large .facts")).to_contain_text(re.compile(rf"Made from\s*{photo.name}"))
    for is_full in (True, False):
        await page.locator("#zoom-full").click()
        await wait_for_js(page, f"() => (document.fullscreenElement !== null) === {str(is_full).lower()}")
    await window.close_large()
    server = await ended.get_attribute("data-server")
    await expect(page.locator("[data-testid=server-chip]")).to_have_attribute("data-server", "")
    saved_as = await ended.locator("[data-testid=download]").get_attribute("download")
    assert f"_{server}_" in (saved_as or "")
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTIFACTS / "main-job.png")


# Keep what is said about the remaining time, which is unknown again soon after a job stops.
NOTE_TIMES = """() => {
  globalThis.times = [];
  new MutationObserver(() => {
    times.push(document.title, document.querySelector("[data-testid=eta]")?.textContent.trim());
  }).observe(document, { childList: true, characterData: true, subtree: true });
}"""


async def test_running_task_shows_progress_step_preview_and_server(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    await page.evaluate(NOTE_TIMES)
    await window.choose_sample("slow")
    async with paused(*demo_servers(gateway), at_step=50):
        prompt_id = await window.press_run()
        running = window.card(prompt_id, "running")
        await expect(running.locator("[data-testid=preview]")).to_be_visible()
        await expect(running.locator(".step-name")).to_contain_text("/60")
        await wait_for_js(page, "times.some((text) => /^\\d+:\\d\\d left$/.test(text))")
        await wait_for_js(page, "[...document.querySelectorAll('.task progress')].some((bar) => bar.value > 0)")
        server = await running.get_attribute("data-server")
        chip = page.locator("[data-testid=server-chip]")
        await expect(chip).to_have_attribute("data-server", server or "-")
        await expect(chip).to_contain_text("1 running")
        await wait_for_js(page, "(server) => document.title.endsWith(` · ${server} · Mooring`)", arg=server)
        await wait_for_js(page, "times.some((text) => /^\\d+% · \\d+:\\d\\d · /.test(text))")
        await running.locator("[data-testid=cancel]").click()
        await window.card(prompt_id, "cancelled").wait_for()
        await expect(chip).to_have_attribute("data-server", "")


# Note for each change of the queue whether it was made in the task in which the browser draws a frame.
NOTE_FRAMES = """() => {
  const { requestAnimationFrame } = globalThis, ends = new MessageChannel();
  let isInFrame = false;
  globalThis.changes = [];
  ends.port1.onmessage = () => { isInFrame = false; };
  globalThis.requestAnimationFrame = (callback) => requestAnimationFrame((time) => {
    isInFrame = true;
    ends.port2.postMessage(0);
    callback(time);
  });
  const observer = new MutationObserver(() => changes.push(isInFrame));
  observer.observe(document.getElementById("now"), { childList: true, attributes: true, subtree: true });
}"""


# Count the previews that a worker draws, and the addresses that are made.
COUNT_PREVIEWS = """() => {
  const { postMessage } = Worker.prototype, { createObjectURL } = URL;
  globalThis.previews = globalThis.addresses = 0;
  Worker.prototype.postMessage = function (message, ...more) {
    if (message.picture) previews += 1;
    return postMessage.call(this, message, ...more);
  };
  URL.createObjectURL = (blob) => {
    addresses += 1;
    return createObjectURL(blob);
  };
}"""


async def test_previews_are_drawn_without_addresses(window: MooringWindow) -> None:
    """The browser registers each address with its main process, and the page's thread waits for it."""
    prompt_id = await window.run_slow()
    preview = window.card(prompt_id, "running").get_by_test_id("preview")
    await expect(preview).to_have_attribute("data-size", re.compile(r"\d+ × \d+"))
    await window.page.evaluate(COUNT_PREVIEWS)
    await wait_for_js(window.page, "previews >= 8")
    assert await window.page.evaluate("addresses") == 0
    await window.press_cancel(prompt_id)


async def test_progress_is_drawn_between_frames(window: MooringWindow) -> None:
    """What Python computes and what the browser draws are two tasks, so that a key is handled in between."""
    prompt_id = await window.run_slow()
    await window.page.evaluate(NOTE_FRAMES)
    await wait_for_js(window.page, "changes.length >= 8")
    assert not any(await window.page.evaluate("changes"))
    await window.press_cancel(prompt_id)


# An element as in a card, for a task with two and a half seconds left, and everything that it says.
COUNTDOWN = """() => new Promise((done) => {
  const now = Date.now() / 1000, said = [], element = document.createElement("p");
  Object.assign(element.dataset, { ends: now + 2.4, until: now + 4, coming: "{time} left", over: "soon" });
  new MutationObserver(() => {
    said.push(element.textContent);
    if (!element.textContent) { element.remove(); done(said); }
  }).observe(element, { childList: true, characterData: true, subtree: true });
  document.body.append(element);
})"""
# Two such elements, of which one has stopped a minute ago, and what both say until the other has said three texts.
STOPPED = """() => new Promise((done) => {
  const now = Date.now() / 1000, said = { going: [], stopped: [] };
  const [going, stopped] = [{ ends: now + 3727 }, { ends: now + 3669.25, holds: now - 60 }].map((facts) => {
    const element = document.createElement("p");
    Object.assign(element.dataset, { until: now + 3800, coming: "{time} left", over: "soon", ...facts });
    return element;
  });
  new MutationObserver(() => {
    said.going.push(going.textContent);
    said.stopped.push(stopped.textContent);
    if (new Set(said.going).size > 2) { going.remove(); stopped.remove(); done(said); }
  }).observe(going, { childList: true, characterData: true, subtree: true });
  document.body.append(stopped, going);
})"""
# What a title says until the time in it is over, and then with one that has stopped, whose text changes, and that ends.
TITLES = """async () => {
  const { setTitle } = await import("/static/js/countdown.js");
  const now = Date.now() / 1000, said = [];
  document.title = "Mooring";
  await new Promise((done) => {
    new MutationObserver((_changes, observer) => {
      said.push(document.title);
      if (document.title === "gpu-1") { observer.disconnect(); done(); }
    }).observe(document.querySelector("title"), { childList: true });
    setTitle("{left} · gpu-1", `${now + 2.4} ${now + 4} `);
  });
  const steps = [["{left} · gpu-1", `${now + 3669.25} ${now + 3800} ${now - 60}`], ["{left} · gpu-2"], [undefined, ""]];
  return [said, steps.map((step) => { setTitle(...step); return document.title; })];
}"""
# Wait until a task's last preview is in the store, or is gone from it.
UNTIL_KEPT = """async ([id, isKept]) => {
  const look = () => new Promise((done) => {
    indexedDB.open("mooring").onsuccess = ({ target: { result } }) => {
      result.transaction("thumbnails").objectStore("thumbnails").getKey(`${id}/preview`).onsuccess = (event) => {
        result.close();
        done(event.target.result !== undefined);
      };
    };
  });
  while ((await look()) !== isKept) await new Promise((done) => setTimeout(done, 100));
}"""


async def test_countdown_runs_to_its_end(window: MooringWindow) -> None:
    said = await window.page.evaluate(COUNTDOWN)
    assert [text for text in said if text.endswith(" left")], said
    assert said[-2:] == ["soon", ""]


async def test_countdown_stops_while_nothing_moves(window: MooringWindow) -> None:
    said = await window.page.evaluate(STOPPED)
    assert set(said["stopped"]) == {"1:02:09 left"}
    assert len({text for text in said["going"] if text.endswith(" left")}) == 3, said


async def test_title_counts_down_by_itself(browser: Browser, gateway: Service) -> None:
    page = await browser.new_page()
    await page.goto(f"{gateway.url}{BARE}")
    said, steps = await page.evaluate(TITLES)
    assert said[0] in {"0:02 · gpu-1", "0:01 · gpu-1"} and said[-1] == "gpu-1" and len(said) > 1, said
    assert steps == ["1:02:09 · gpu-1", "1:02:09 · gpu-2", "gpu-2"]
    await page.close()


# From the second load of a tab on, the browser hands no canvas over to a worker.
HAND_OVER_ONCE = """if (location.protocol === "http:") {
  if (sessionStorage.getItem("wasLoaded")) delete HTMLCanvasElement.prototype.transferControlToOffscreen;
  sessionStorage.setItem("wasLoaded", "yes");
}"""


async def test_previews_survive_a_late_script_a_reload_and_an_old_browser(user: BrowserUser, gateway: Service) -> None:
    """Its script is asked for again, the last preview is kept, and a page without the worker draws them itself."""
    user.watch.expected += ["previews_worker", "ERR_FAILED"]
    profile = await user.new_profile()
    await profile.add_init_script(HAND_OVER_ONCE)
    window = await user.open()
    page, sockets, is_deaf = window.page, list[WebSocketRoute](), True

    async def expect_drawn(prompt_id: str) -> None:
        preview = window.card(prompt_id, "running").get_by_test_id("preview")
        await expect(preview).to_have_attribute("data-size", re.compile(r"\d+ × \d+"))

    async with refused_once(page, "**/previews_worker.js"):
        prompt_id = await window.run_slow()
        await expect_drawn(prompt_id)
        await window.press_cancel(prompt_id)
    async with paused(*demo_servers(gateway)):
        prompt_id = await window.submit(slow_workflow())
        await window.card(prompt_id, "running").get_by_test_id("preview").wait_for()
        await page.evaluate(UNTIL_KEPT, [prompt_id, True])

        def take(socket: WebSocketRoute) -> None:
            if is_deaf:  # no new events
                sockets.append(socket)
            else:
                socket.connect_to_server()

        await page.context.route_web_socket(re.compile(r"/servers/.+/ws"), take)
        await window.reload()
        await expect_drawn(prompt_id)
        await window.press_cancel(prompt_id)
    await page.evaluate(UNTIL_KEPT, [prompt_id, False])
    is_deaf = False
    for socket in sockets:
        await socket.close()
    prompt_id = await window.run_slow()
    await expect_drawn(prompt_id)
    await window.press_cancel(prompt_id)


async def test_file_that_is_no_picture_is_refused_unsent(window: MooringWindow, tmp_path: Path) -> None:
    page = window.page
    notes = tmp_path / "notes.png"
    notes.write_text("no picture at all", encoding="utf-8")
    await window.choose_sample("enlarge")
    await page.locator("[data-testid=drop-1-image] input").set_input_files(notes)
    await expect(page.locator(".fault")).to_contain_text("“notes.png” is no picture that can be read.")
    await expect(page.locator("[data-testid=run]")).to_be_disabled()
    await expect(page.locator("#run-words")).to_contain_text("Put a picture in first")


async def test_picture_can_be_pasted_and_dropped(window: MooringWindow, photo: Path) -> None:
    page = window.page
    give = """async ([bytes, kind]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
      const how = { bubbles: true, cancelable: true };
      return kind === "paste"
        ? document.body.dispatchEvent(new ClipboardEvent(kind, { clipboardData: transfer, ...how }))
        : document.querySelector("[data-drop]").dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, ...how }));
    }"""
    await window.choose_sample("enlarge")
    data = list(photo.read_bytes())  # noqa: ASYNC240 - a small local file
    for kind in ("paste", "drop"):
        assert not await page.evaluate(give, [data, kind]), "the browser would have opened the file"
        await expect(page.locator(".drop-name")).to_have_text(f"{kind}.png")
    await expect(page.locator(".drop-facts")).to_contain_text("320 × 214")


async def test_patches_keep_what_the_user_is_editing(window: MooringWindow, gateway: Service) -> None:
    """While steps arrive: an opened detail stays open, the caret stays, and unfinished composition is not touched."""
    page, servers = window.page, demo_servers(gateway)
    await window.choose_sample("slow")
    async with paused(*servers):
        prompt_id = await window.press_run()
        await window.press_on(window.card(prompt_id, "running"), "opens")
        text = page.locator("#field-1-text")
        await text.fill("one two three")
        await text.evaluate("(area) => area.setSelectionRange(3, 3)")
        await text.evaluate("(area) => area.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))")
        await text.evaluate("(area) => { area.setRangeText('ni'); }")  # as an input method does before a choice
        before = await window.card(prompt_id).locator("progress").evaluate("(bar) => bar.value")
        async with paused(*servers, at_step=3):
            await wait_for_js(page, "(before) => document.querySelector('.task progress').value > before", arg=before)
            await expect(text).to_have_value("oneni two three")
            await text.evaluate(
                "(area) => area.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }))"
            )
            assert await window.card(prompt_id).locator("details").evaluate("(details) => details.open")
            assert await page.evaluate("document.activeElement.id") == "field-1-text"
            await window.press_cancel(prompt_id)


async def test_unchanged_result_is_kept_and_removed_one_is_redrawn(window: MooringWindow) -> None:
    """An unchanged element is only kept in place, and a browser extension may have removed it from the page."""

    async def run(colour: int) -> str:
        prompt_id = await window.submit(quick_workflow(colour))
        await window.card(prompt_id, "succeeded").locator("img").wait_for()
        return f"task-{prompt_id}"

    first = await run(1)
    await window.page.evaluate("(id) => { document.getElementById(id).dataset.mark = ''; }", first)
    second = await run(2)
    await expect(window.page.locator(f"#{first}[data-mark]")).to_have_count(1)
    await window.page.evaluate("(id) => document.getElementById(id).remove()", first)
    third = await run(3)
    for name in (first, second, third):
        await window.page.locator(f"#{name} img").wait_for()
    await expect(window.page.locator("[data-stays]")).to_have_count(0)


# Type, and press Run before a frame is drawn.
TYPE_AND_RUN = """(text) => {
  const field = document.getElementById("field-1-text");
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  document.querySelector("[data-testid=run]").click();
}"""


async def test_text_typed_right_before_a_click_is_sent(window: MooringWindow) -> None:
    page = window.page
    await window.choose_small_text()
    async with page.expect_request(lambda request: request.url.endswith("/prompt")) as sent:
        await page.evaluate(TYPE_AND_RUN, "a dune")
    request = await sent.value
    assert '"a dune"' in (request.post_data or "")


async def test_new_window_begins_with_the_same_form(window: MooringWindow) -> None:
    page = window.page
    await window.choose_sample("slow")
    text = page.locator("#fields-slow textarea").first
    await text.fill("a quiet bay")
    async with page.context.expect_page() as opened:
        await page.keyboard.press("Control+k")
        await page.get_by_test_id("palette-query").fill("another window")
        await page.keyboard.press("Enter")
    other = MooringWindow(await opened.value)
    await other.ready()
    await expect(other.page.locator("#fields-slow textarea").first).to_have_value("a quiet bay")
    assert (await other.facts())["windowId"] != (await window.facts())["windowId"]
    await other.page.close()


async def test_typed_text_and_picture_survive_reload(window: MooringWindow, photo: Path) -> None:
    page = window.page
    prompt_id = await window.submit(quick_workflow(9))
    await window.wait_for(prompt_id)
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await window.choose_sample("text")
    await page.locator("#field-1-text").fill("a quiet bay")
    await page.locator("#field-1-seed").fill("18446744073709551615")
    await window.reload()
    await expect(page.locator("#field-1-text")).to_have_value("a quiet bay")
    await expect(page.locator("#field-1-seed")).to_have_value("18446744073709551615")
    await expect(page.locator("#field-1-seed-mode")).to_have_value("fixed")
    await window.card(prompt_id, "succeeded").get_by_test_id("result-image").wait_for()
    await window.choose_sample("enlarge")
    await expect(page.locator(".drop-name")).to_have_text(photo.name)
    await expect(page.get_by_test_id("run")).to_be_enabled()


async def test_failed_task_shows_the_servers_message(module_user: BrowserUser, window: MooringWindow) -> None:
    module_user.watch.expected += ["status of 400"]
    page = window.page
    workflow = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 255}},
        "2": {
            "class_type": "ImageScale",
            "inputs": {"image": ["1", 0], "upscale_method": "area", "width": -8, "height": 8, "crop": "disabled"},
        },
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mooring"}},
    }
    await page.evaluate("(workflow) => mooring.submitWorkflow(workflow, {title: 'My own'}).catch(() => 0)", workflow)
    failed = page.locator("[data-testid=task-card][data-state=failed]")
    await expect(failed).to_contain_text("The server refused the workflow")
    await expect(failed).to_contain_text("“width” is too small.")
    await expect(failed).to_contain_text("My own")


@pytest.mark.parametrize(
    ("class_type", "method"), [("ImageScale", "sharpest"), ("NoSuchNode", "area")], ids=["choice", "node"]
)
async def test_workflow_that_no_server_can_run_is_refused_unsent(
    window: MooringWindow, class_type: str, method: str
) -> None:
    page = window.page
    await wait_for_js(page, "() => mooring.fleet().servers.every((server) => server.catalogue)")
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    workflow = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 255}},
        "2": {
            "class_type": class_type,
            "inputs": {"image": ["1", 0], "upscale_method": method, "width": 8, "height": 8, "crop": "disabled"},
        },
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mooring"}},
    }
    ids = "[...document.querySelectorAll('[data-testid=run-card]')].map((card) => card.id)"
    before = await page.evaluate(ids)
    error = await page.evaluate("(workflow) => mooring.submitWorkflow(workflow).catch((error) => error.name)", workflow)
    assert error == "NoServerAvailable"
    found = await wait_for_js(page, f"(before) => {ids}.find((id) => !before.includes(id))", arg=before)
    await expect(page.locator(f"#{await found.json_value()}")).to_contain_text("No server can run this workflow.")
    assert sent == []


async def test_blocked_storage_is_reported_on_the_page(user: BrowserUser) -> None:
    profile = await user.new_profile()
    await profile.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError'); };"
    )
    user.watch.expected += ["denied"]
    page = (await user.open(is_ready=False)).page
    await expect(page.locator("#boot-failure")).to_contain_text("does not let this page store anything")


IN_THE_SNAPSHOT = ("python_stdlib.zip", "app.zip")  # a window with a snapshot does not request these


async def test_missing_file_is_reported_on_the_page(user: BrowserUser) -> None:
    page = await (await user.new_profile()).new_page()
    user.watch.expected += [".*"]
    for file, language in (
        ("pyodide.asm.wasm", "en"),
        ("python_stdlib.zip", "en"),
        ("app.zip", "en"),
        ("core.js", "en"),
        ("main.py", "zh-CN"),
    ):
        await page.unroute_all()
        if file in IN_THE_SNAPSHOT:
            await page.route("**/snapshots/*", lambda route: route.fulfill(status=204))
        await page.route(f"**/{file}", lambda route: route.fulfill(status=404, body="gone"))
        await page.goto(f"{user.base}/?lang={language}")
        failure = page.locator("#boot-failure")
        await expect(failure, file).to_contain_text("重新启动" if language == "zh-CN" else "start it again")
        await expect(failure, file).to_contain_text(
            "Mooring 无法" if language == "zh-CN" else "Mooring could not start"
        )


async def test_page_runs_python_without_jspi(window: MooringWindow) -> None:
    """With JSPI, Chromium on Linux sometimes crashes (docs/decisions/0092-no-jspi-on-the-page.md)."""
    await window.wait_for(await window.submit(quick_workflow(7)))
    assert await window.call("stacksMade") == 0


async def test_pyscript_looks_at_nothing_that_is_added(window: MooringWindow) -> None:
    asked = await window.page.evaluate("""async () => {
      const found = [], plain = XPathEvaluator.prototype.createExpression;
      XPathEvaluator.prototype.createExpression = function (text) { found.push(text); return plain.call(this, text); };
      const heard = new Promise((resolve) => new MutationObserver(resolve).observe(document.body, { childList: true }));
      document.body.appendChild(document.createElement("div")).remove();
      await heard;
      XPathEvaluator.prototype.createExpression = plain;
      return found;
    }""")
    assert asked == []
