"""What a user does, in Firefox and WebKit; the rest of the suite does it in Chromium.

`python3 -m benchmarks engines` runs these tests in Chromium too, and times starts, for the table in
`benchmarks/ENGINES.md`.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image, ImageChops

from tests.e2e.test_presses import HANGS, PRESS, ROUNDS, STEPS
from tests.kit.browser.chromium import BARE, IS_ACTIVE, LOAD_PYTHON, SHARE, wait_for_drawing
from tests.kit.browser.engines import NAMES, READY, Engine, EngineTab, missing, open_engine
from tests.kit.browser.faults import HANGING
from tests.kit.browser.plain_site import python_pages, write_site
from tests.kit.browser.work import demo_servers, paused, slow_workflow
from tests.kit.gateways import relay
from tests.kit.platforms import posix_only, stopped
from tests.kit.services import Service, free_ports

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ENGINES = os.environ.get("MOORING_ENGINES", "firefox webkit").split()
WINDOW_ID = "debugServerConsistency().windowId"
LAST_CHOICE = "mooring.debugBundle().then((report) => report.tasks.at(-1).choice)"
# The window caches its unpacked snapshot at once, on a loaded machine too, where loopback measures as slow.
KEEP_SNAPSHOT = """void (
  localStorage.removeItem("mooring.snapshot.refused"), globalThis.mooringKeepAfter = globalThis.mooringQuick = 0
)"""
DROP = """async (name) => {
  const zone = document.querySelector("[data-testid=drop-1-image]");
  const file = zone.querySelector("input").files[0] ?? (await (await fetch(zone.querySelector("img").src)).blob());
  const transfer = new DataTransfer();
  transfer.items.add(new File([file, "more"], name, { type: "image/png" }));
  for (const type of ["dragenter", "dragover", "drop"]) {
    const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
    document.querySelector("[data-testid=drop-1-image]").dispatchEvent(new DragEvent(type, options));
  }
}"""
DRAG = """(() => {
  const [from, to] = ["shared-picture", "drop-1-image"].map((name) => document.querySelector(`[data-testid=${name}]`));
  const options = { bubbles: true, cancelable: true, dataTransfer: new DataTransfer() };
  for (const [place, type] of [[from, "dragstart"], [to, "dragover"], [to, "drop"]]) {
    place.dispatchEvent(new DragEvent(type, options));
  }
  return document.querySelectorAll(".is-dragging, .is-dragged, .is-over").length;
})()"""
# Select the text of the first screen's first field.
BEGIN_TEXT = """() => {
  const field = document.querySelector(".is-drawn #field-1-text");
  field?.focus();
  field?.select();
  return Boolean(field);
}"""
# All texts in the browser's storage.
STORED = """(async () => {
  const wait = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const found = [{ ...sessionStorage }, { ...localStorage }];
  const database = await wait(indexedDB.open("mooring"));
  for (const store of database.objectStoreNames) {
    found.push(await wait(database.transaction(store).objectStore(store).getAll()));
  }
  database.close();
  return found;
})()"""


def require(name: str) -> None:
    """Skip the test if the engine is missing; in continuous integration, fail."""
    if packages := missing(name):
        text = f"{name} was not tried: on Debian, it is after sudo apt-get install {packages}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(text)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """Each engine for all tests of this module, with a profile on disk."""
    require(request.param)
    async with open_engine(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest.fixture(scope="module")
def windows(engine: Engine) -> dict[str, EngineTab]:
    """The window that the tests share, once it is open: a start takes seconds in WebKit."""
    return {}


@pytest.fixture(scope="module")
def picture_text(photo: Path) -> str:
    """A small picture in base64."""
    return base64.b64encode(photo.read_bytes()).decode()


@pytest_asyncio.fixture(loop_scope="session")
async def engine_tab(
    request: pytest.FixtureRequest, engine: Engine, windows: dict[str, EngineTab], gateway: Service
) -> AsyncIterator[EngineTab]:
    """The shared window; after a failed test the next one gets another. An error in the console fails the test."""
    failed = request.session.testsfailed
    engine.take_faults()
    if "shared" not in windows:
        windows["shared"] = tab = await engine.open(f"{gateway.url}/?lang=en")
        await tab.evaluate(KEEP_SNAPSHOT)
        await tab.until(READY)
    await windows["shared"].show()
    yield windows["shared"]
    if request.session.testsfailed > failed:
        await windows.pop("shared").close()
    else:
        assert engine.take_faults() == []


async def start(engine: Engine, url: str, query: str = "?lang=en") -> EngineTab:
    """Open a window of Mooring, ready for work."""
    tab = await engine.open(f"{url}/{query}")
    await tab.until(READY)
    return tab


async def reload(tab: EngineTab) -> None:
    await tab.evaluate("void (globalThis.isOld = true)")
    await tab.reload()
    await tab.until("!globalThis.isOld")
    await tab.until(READY)


async def submit(tab: EngineTab, workflow: dict[str, Any]) -> str:
    return str(await tab.evaluate(f"mooring.submitWorkflow({json.dumps(workflow)})"))


async def finished(tab: EngineTab, prompt_id: str) -> dict[str, Any]:
    """Wait until a task has ended and is delivered."""
    return dict(await tab.evaluate(f"mooring.waitFor({json.dumps(prompt_id)})"))


async def expect_kept(tab: EngineTab, prompt_id: str) -> None:
    """Check that a task succeeded, and that its result is kept in this browser and shown."""
    task = await finished(tab, prompt_id)
    await tab.show()
    assert (task["state"], [output["delivery"] for output in task["outputs"]]) == ("succeeded", ["kept"])
    await tab.until(card(prompt_id, "[data-testid=result-image]") + "?.naturalWidth > 0")


def card(prompt_id: str, selector: str) -> str:
    """Return an expression for an element of a task's card."""
    return f"document.querySelector(`[data-testid=task-card][data-prompt-id='{prompt_id}'] {selector}`)"


async def choose_photo(tab: EngineTab, photo: Path) -> None:
    """Choose a photo in the workflow that enlarges it."""
    await tab.click("#pick-enlarge")
    await tab.until("document.querySelector('[data-testid=drop-1-image] input')")
    await tab.choose("[data-testid=drop-1-image] input", photo)
    await tab.until(f"document.querySelector('.has-picture .drop-name')?.textContent === '{photo.name}'")


async def press_run(tab: EngineTab) -> str:
    """Press Run, and return the prompt_id."""
    before = await tab.evaluate("windowTasks.length")
    await tab.click("[data-testid=run]")
    await tab.until(f"windowTasks.length > {before}")
    return str(await tab.evaluate("windowTasks.at(-1).promptId"))


async def expect_language(tab: EngineTab, language: str, run: str) -> None:
    """Check that the page is in a language, by its button Run."""
    assert await tab.evaluate("document.documentElement.lang") == language
    assert run in await tab.evaluate("document.querySelector('[data-testid=run]').textContent")


async def test_main_job_with_real_keys(engine_tab: EngineTab) -> None:
    await expect_language(engine_tab, "en", "Run")
    assert await engine_tab.evaluate("performance.getEntriesByName('mooring-python')[0].detail") == "restored"
    await engine_tab.click("#pick-text")
    await engine_tab.until("document.querySelector('#fields-text textarea')?.select() === undefined")
    await engine_tab.type("a calm sea")
    await engine_tab.until("document.querySelector('#fields-text textarea').value === 'a calm sea'")
    await engine_tab.press("Control", "Enter")
    await engine_tab.until("windowTasks.length > 0")
    await expect_kept(engine_tab, await engine_tab.evaluate("windowTasks[0].promptId"))
    assert await engine_tab.evaluate("windowTasks.length") == 1, "one click, one run"


@posix_only("no process can be stopped there")
@pytest.mark.parametrize("is_hung", HANGS)
async def test_reload_after_a_press_keeps_it_once(
    engine: Engine, two_servers: tuple[Service, Service], gateway_to_two: Service, *, is_hung: bool
) -> None:
    """At each step with `MOORING_PRESS_ROUNDS`, the number of presses; without it, once and within the click."""
    tab = await start(engine, gateway_to_two.url)
    await tab.click("#pick-text")
    await tab.until("document.querySelector('#fields-text textarea')")
    for step in STEPS * ROUNDS if ROUNDS > 1 else STEPS[:1]:
        await tab.until("document.querySelector('[data-testid=run]:enabled')")
        before = json.dumps(await tab.evaluate("windowTasks.map((task) => task.promptId)"))
        fresh = f"windowTasks.filter((task) => !{before}.includes(task.promptId))"
        with stopped(two_servers[0].process.pid) if is_hung else contextlib.nullcontext():
            await tab.evaluate(f"void (globalThis.isOld = true, setTimeout(() => void ({PRESS})({json.dumps(step)})))")
            await tab.until("!globalThis.isOld")
            await tab.until(READY)
        await tab.until(f"{fresh}.length")
        # A page that ends between the record of a task and its POST may have sent it: that is never repeated.
        ended = await finished(tab, await tab.evaluate(f"{fresh}[0].promptId"))
        assert ended["state"] in {"succeeded", "lost"}
        assert await tab.evaluate(f"{fresh}.length") == 1, "one click, one run"
    await tab.close()
    assert [fault for fault in engine.take_faults() if not (is_hung and re.search(HANGING, fault))] == []


async def test_previews_are_drawn(engine_tab: EngineTab, gateway: Service) -> None:
    async with paused(*demo_servers(gateway), at_step=2):
        running = await submit(engine_tab, slow_workflow())
        await engine_tab.until("document.querySelector('canvas[data-preview]')?.dataset.size?.includes(' × ')")
    await expect_kept(engine_tab, running)


async def test_workflow_keys_and_run_before_python_are_carried_out(engine: Engine, gateway: Service) -> None:
    """In the other language of the page."""
    query = "?lang=zh-CN"
    async with relay(gateway.url, held=b".wasm ") as (address, release):
        await wait_for_drawing(gateway.url, query)
        tab = await engine.open(f"{address}/{query}")
        await tab.until("document.querySelector('.is-drawn #pick-slow') !== null")
        await tab.press_at("#workflow-open")
        await tab.press_at("#pick-slow")
        await tab.until("document.querySelector('#fields-slow') !== null")
        await tab.until(f"({BEGIN_TEXT})()")
        await tab.type("a calm bay")
        await tab.press("Control", "Enter")
        await tab.until("!document.querySelector('#starting').hidden")
        release.set()
        await tab.until(READY)
        await tab.until("windowTasks.length > 0")
        prompt_id = await tab.evaluate("windowTasks[0].promptId")
        await expect_kept(tab, prompt_id)
        history = await tab.evaluate(f"mooring.getTaskHistory('{prompt_id}').then(JSON.stringify)")
        assert "a calm bay" in history and '"steps":60' in history
        assert await tab.evaluate("windowTasks.length") == 1
        await expect_language(tab, "zh-CN", "运行")
        await tab.close()


async def test_reload_keeps_results_running_task_and_unpacked_snapshot(engine_tab: EngineTab, gateway: Service) -> None:
    """One reload for all: in WebKit, one right after another ends the reading of pictures with an error."""
    done = await submit(engine_tab, slow_workflow(1))
    await expect_kept(engine_tab, done)
    async with paused(*demo_servers(gateway)):
        running = await submit(engine_tab, slow_workflow())
        server, window_id = await engine_tab.evaluate("windowLockedServer"), await engine_tab.evaluate(WINDOW_ID)
        await engine_tab.until("windowTasks.some((task) => task.state === 'running')")
        await engine_tab.until("localStorage.getItem('mooring.snapshot')")
        await reload(engine_tab)
        assert await engine_tab.evaluate(WINDOW_ID) == window_id
        assert await engine_tab.evaluate("performance.getEntriesByName('mooring-arrived')[0].detail.transferred") == 0
        await expect_kept(engine_tab, done)
    await expect_kept(engine_tab, running)
    assert (await finished(engine_tab, running))["executionServer"] == server
    assert await engine_tab.evaluate("checkServerSwitchRisk()") is False
    await engine_tab.evaluate(card(done, ".result-open") + ".click()")
    await engine_tab.until("document.querySelector('.large-stage img:not(.is-small)')?.naturalWidth > 0")
    await engine_tab.press_at("#zoom-full")
    await engine_tab.until("document.fullscreenElement?.matches('.large-main')")
    await engine_tab.press_at("#zoom-full")
    await engine_tab.until("!document.fullscreenElement")
    await engine_tab.click("dialog.large [data-action=close-dialog]")


async def test_duplicated_tab_is_another_window_with_its_own_choice(engine_tab: EngineTab, gateway: Service) -> None:
    async with paused(*demo_servers(gateway)):
        first = await submit(engine_tab, slow_workflow())
        await engine_tab.until("windowTasks.some((task) => task.state === 'running')")
        twin = await engine_tab.duplicate()
        await twin.until(READY)
        assert await twin.evaluate(WINDOW_ID) != await engine_tab.evaluate(WINDOW_ID)
        assert await twin.evaluate("windowTasks.length") == 0
        assert await twin.evaluate("windowLockedServer") is None
    await expect_kept(engine_tab, first)
    async with paused(*demo_servers(gateway)):
        runs = [(one, await submit(one, slow_workflow())) for one in (engine_tab, twin)]
        servers = [await one.evaluate("windowLockedServer") for one, _ in runs]
        choice = await twin.evaluate(LAST_CHOICE)
        assert None not in servers
        # It may be the same server, where the paused run has shown the others as slow.
        is_late = choice["refused"].get(servers[0]) == "timeout"  # on a busy machine
        assert choice["loads"].get(servers[0]) == 1 or is_late, choice
    for one, prompt_id in runs:
        await expect_kept(one, prompt_id)
    assert await twin.evaluate("windowTasks.map((task) => task.promptId)") == [runs[1][1]]
    await twin.close()


async def test_picture_is_chosen_and_another_dropped(engine_tab: EngineTab, photo: Path) -> None:
    await choose_photo(engine_tab, photo)
    await expect_kept(engine_tab, await press_run(engine_tab))
    await engine_tab.evaluate(f"({DROP})('dropped.png')")
    await engine_tab.until("document.querySelector('.has-picture .drop-name')?.textContent === 'dropped.png'")
    await expect_kept(engine_tab, await press_run(engine_tab))


async def test_private_window_stores_no_text(engine_tab: EngineTab) -> None:
    twin = await engine_tab.following(
        "document.dispatchEvent("
        "new CustomEvent('mooring-action', { detail: { name: 'new-private-window', facts: {} } }))"
    )
    await twin.until(READY)
    assert await twin.evaluate("document.documentElement.hasAttribute('data-private')")
    prompt_id = await submit(twin, slow_workflow(1, "a harbour that no one knows"))
    await finished(twin, prompt_id)
    await twin.until(card(prompt_id, "[data-testid=result-image]") + "?.naturalWidth > 0")
    assert "a harbour that no one knows" not in json.dumps(await twin.evaluate(STORED))
    await twin.close()


async def test_graph_of_a_task_is_drawn(engine_tab: EngineTab) -> None:
    prompt_id = await submit(engine_tab, slow_workflow(1))
    await expect_kept(engine_tab, prompt_id)
    await engine_tab.evaluate(card(prompt_id, "[data-testid=menu]") + ".click()")
    await engine_tab.click(f"[data-testid=task-card][data-prompt-id='{prompt_id}'] [data-testid=open-graph]")
    await engine_tab.until("document.querySelectorAll('.drawing .box').length === 2")
    await engine_tab.click("dialog[open] [data-action=close-dialog]")


async def test_painted_mask_becomes_alpha(engine_tab: EngineTab, gateway: Service, photo: Path) -> None:
    await choose_photo(engine_tab, photo)
    await engine_tab.click("[data-testid=mask-1-image]")
    await engine_tab.until("document.querySelector('.mask-paint')?.getBoundingClientRect().width > 0")
    left, top, wide, high = await engine_tab.evaluate(
        "(({ left, top, width, height }) => [left, top, width, height])"
        "(document.querySelector('#mask-sheet').getBoundingClientRect())"
    )
    await engine_tab.drag(*((left + wide * part, top + high / 2) for part in (0.2, 0.5, 0.8)))
    await engine_tab.click("[data-testid=mask-dialog] .mask-ends:not([hidden]) [data-mask-tool=done]")
    await engine_tab.until("document.querySelector('.drop-name').textContent.endsWith('-masked.png')")
    prompt_id = await press_run(engine_tab)
    task = await finished(engine_tab, prompt_id)
    entry = await engine_tab.evaluate(f"mooring.getTaskHistory('{prompt_id}')")
    name = entry.get(prompt_id, entry)["prompt"][2]["1"]["inputs"]["image"]
    folder, _, file = name.rpartition("/")
    query = {"filename": file, "subfolder": folder, "type": "input"}
    address = f"{gateway.url}/servers/{task['executionServer']}/view"
    async with aiohttp.ClientSession() as session, session.get(address, params=query) as answer:
        sent = Image.open(io.BytesIO(await answer.read()))
    with Image.open(photo) as original:
        assert ImageChops.difference(sent.convert("RGB"), original).getbbox() is None, "colours are unchanged"
    assert [sent.getchannel("A").getpixel((x, 107)) for x in (10, 160, 310)] == [255, 0, 255]


async def test_worker_takes_files_and_page_outlives_its_gateway(
    engine: Engine, gateway: Service, picture_text: str
) -> None:
    """The gateway is lost twice; the second time the window is reloaded without it."""
    port, notices = free_ports(), "document.querySelector('#notices').innerText"
    async with relay(gateway.url, port=port) as (address, _):
        tab = await engine.open(f"{address}/?lang=en")
        await tab.evaluate("void (globalThis.mooringKeepAfter = 0)")
        await tab.until(READY)
        await tab.until(IS_ACTIVE)
        files = [[name, "image/png", picture_text] for name in ("beach.png", "dune.png")]
        await tab.evaluate("void (globalThis.isOld = true)")
        await tab.evaluate(f"({SHARE})({json.dumps([f'{address}/share', files])})")
        await tab.until("!globalThis.isOld")
        await tab.until(READY)
        await tab.until("document.querySelector('[data-testid=take-sent]')")
        await tab.click("[data-testid=take-sent]")
        await tab.until("!document.querySelector('[data-testid=take-sent]')")
        await tab.click("#pick-enlarge")
        await tab.until("[...document.querySelectorAll('[draggable=true] img')].every((image) => image.naturalWidth)")
        await tab.until("document.querySelectorAll('[draggable=true] img').length === 2")
        assert await tab.evaluate(DRAG) == 0, "what a drop removes has no `dragend` in Firefox"
        await tab.until("document.querySelector('.has-picture .drop-name')?.textContent === 'beach.png'")
        await tab.until("document.querySelector('#tray').textContent.includes('1 shared file')")
    await tab.until(f"{notices}.includes('gateway does not answer')")
    async with relay(gateway.url, port=port):
        await tab.until(f"!{notices}.includes('gateway does not answer')")
        await expect_kept(tab, await submit(tab, slow_workflow(1)))
    await tab.reload()
    await tab.until("document.querySelector('#away-where')?.textContent.includes('Nothing answers at')")
    async with relay(gateway.url, port=port):
        await tab.until(READY)
        await tab.close()
    assert [fault for fault in engine.take_faults() if "NoGilError" in fault or "Unhandled" in fault] == []


@pytest.mark.parametrize("engine", NAMES, indirect=True, scope="module")
async def test_late_and_lost_requests_leave_python_alive(engine: Engine, gateway: Service) -> None:
    ask = """
from app.browser.http import BrowserHttp
from app.core.errors import RequestTimeout
from app.core.ports.http import Request
try:
    await BrowserHttp().send(Request(method="GET", path="/servers/demo-1/{}", deadline={}))
    cause = "none"
except RequestTimeout as error:
    cause = error.cause
cause
"""
    load = """
try:
    import colorsys
    cause = "loaded"
except OSError:
    cause = "missing"
cause
"""

    async with relay(gateway.url, held=b"/history ") as (address, _):
        tab = await open_python(engine, address)
        assert await run_python(tab, ask.format("queue", 60)) == "none"
        assert await run_python(tab, ask.format("history", 0.5)) == "deadline"
    assert await run_python(tab, ask.format("queue", 60)) == "gateway-lost"
    assert await run_python(tab, load) == "missing"
    assert await run_python(tab, "1 + 1") == "2"
    await tab.close()
    engine.take_faults()


@pytest.mark.parametrize("engine", NAMES, indirect=True, scope="module")
async def test_refused_last_write_undoes_its_transaction(engine: Engine, gateway: Service) -> None:
    """Also where it is committed with its last requests, before their answers have come."""
    body = """
from app.browser.idb import Database
from app.browser.values import js_object
from app.core.errors import StorageError

def write(*keys):
    def steps(transaction):
        notes = transaction.objectStore("notes")
        yield notes.count()
        for key in keys:
            notes.add(js_object({"name": key}), key)
        return len(keys)
    return steps

def keys(transaction):
    return (yield transaction.objectStore("notes").getAllKeys())

database = Database("refused", 1, lambda transaction, old: transaction.db.createObjectStore("notes"))
found = [await database.run("write", ["notes"], write("a", "b"), write=True)]
try:
    await database.run("write", ["notes"], write("c", "a", "d"), write=True)
except StorageError as error:
    found.append(error.detail.partition(":")[0])
found += await database.run("keys", ["notes"], keys)
" ".join(map(str, found))
"""
    tab = await open_python(engine, gateway.url)
    assert await run_python(tab, body) == "2 ConstraintError a b"
    await tab.close()
    engine.take_faults()


@pytest.mark.parametrize("engine", NAMES, indirect=True, scope="module")
async def test_page_that_was_left_holds_no_transaction(engine: Engine, gateway: Service) -> None:
    """It runs again if the browser has kept the page, and the user comes back to it."""
    begin = """
import asyncio
import js
from app.browser.idb import Database
from app.browser.values import js_object

def steps(transaction):
    notes = transaction.objectStore("notes")
    js.begun += 1
    notes.put("kept", "a")
    while js.begun == 1:
        yield notes.count()

database = Database("left", 1, lambda transaction, old: transaction.db.createObjectStore("notes"))
js.begun = 0
run = asyncio.ensure_future(database.run("hold", ["notes"], steps, write=True))
"""
    other = """new Promise((resolve, reject) => {
      const opening = indexedDB.open("left", 1);
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const writing = opening.result.transaction("notes", "readwrite");
        writing.objectStore("notes").add("other", "a");
        writing.oncomplete = () => { opening.result.close(); resolve("complete"); };
        writing.onabort = () => reject(writing.error);
      };
    })"""
    tab = await open_python(engine, gateway.url)
    await run_python(tab, begin)
    await tab.until("globalThis.begun === 1")
    await tab.evaluate(f"void setTimeout(() => location.assign('{BARE}?other'))")
    await tab.until("location.search === '?other' && document.readyState === 'complete'")
    assert await tab.evaluate(other) == "complete", "also nothing was written before"
    await tab.evaluate("void setTimeout(() => history.back())")
    await tab.until("location.search === '' && document.readyState === 'complete'")
    is_kept = await tab.evaluate("'begun' in globalThis")
    assert is_kept or engine.name != "webkit"
    if is_kept:
        await tab.until("globalThis.begun === 2")
        await run_python(tab, "await run")
    await tab.close()
    engine.take_faults()


async def open_python(engine: Engine, address: str) -> EngineTab:
    """Open a tab with Python, and without the page."""
    tab = await engine.open(f"{address}{BARE}")
    await tab.until(f"location.pathname === '{BARE}' && document.readyState === 'complete'")
    await tab.evaluate(f"({LOAD_PYTHON})([])")
    return tab


async def run_python(tab: EngineTab, code: str) -> str:
    """Return the text of the last expression's value."""
    return str(await tab.evaluate(f"python.runPythonAsync({json.dumps(code)})"))


@pytest.fixture(scope="module")
def page_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as files."""
    folder = tmp_path_factory.mktemp("site")
    write_site(folder / "site", folder, {"a": "http://127.0.0.1:9"})
    return folder / "site"


@pytest.mark.parametrize("file", ["pyodide.asm.wasm", "main.py"])
async def test_missing_file_of_the_page_is_reported(
    engine: Engine, page_files: Path, tmp_path: Path, file: str
) -> None:
    shutil.copytree(page_files, tmp_path / "site", ignore=shutil.ignore_patterns(f"{file}*"))
    with python_pages(tmp_path / "site", free_ports()) as url:
        tab = await engine.open(f"{url}/?lang=en")
        await tab.until("document.querySelector('[data-cause=copy]')?.checkVisibility()")
        await tab.close()
    engine.take_faults()


async def test_private_session_keeps_results_until_it_ends(engine: Engine, gateway: Service, tmp_path: Path) -> None:
    async with open_engine(engine.name, tmp_path, is_private=True) as private:
        tab = await start(private, gateway.url)
        prompt_id = await submit(tab, slow_workflow(1))
        await expect_kept(tab, prompt_id)
        await reload(tab)
        await expect_kept(tab, prompt_id)
        assert private.faults == []
