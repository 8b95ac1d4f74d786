"""The memory snapshot in a real browser: windows start from it, and without it if it is unusable."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.kit.browser.chromium import IS_RESTORED, load_python, run_python, wait_for_snapshot
from tests.kit.browser.windows import KEEP_NOTHING, PATIENCE, BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import quick_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

FIRST_SCRIPT = KEEP_NOTHING  # windows here load the compressed snapshot, as users do
SNAPSHOT = "**/snapshots/*"
# Report another size and checksum as soon as the page has named its snapshot.
RENAME = """new MutationObserver(() => {
  const link = document.querySelector("#snapshot");
  if (link) { link.dataset.size = %s; link.dataset.sum = %d; }
}).observe(document, { childList: true, subtree: true });"""


class Warnings:
    """Console messages of a profile's windows about their snapshots."""

    def __init__(self, profile: BrowserContext) -> None:
        self.texts: list[str] = []
        profile.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if "memory snapshot" in message.text:
            self.texts.append(f"{message.type}: {message.text}")


async def open_without_snapshot(profile: BrowserContext, address: str) -> Page:
    """Open Mooring, and wait until Python starts without a snapshot, which has been reported by then."""
    page = await profile.new_page()
    async with page.expect_request("**/app.zip"):
        await page.goto(address)
    await page.evaluate("0")  # console messages until now come before its answer
    return page


async def expect_works(window: MooringWindow) -> None:
    """Check that a window does its work."""
    task = await window.wait_for(await window.submit(quick_workflow()))
    assert task["state"] == "succeeded"
    await window.check()


async def test_window_starts_from_the_snapshot_works_and_releases_it(user: BrowserUser) -> None:
    await wait_for_snapshot(user.base)
    profile = await user.new_profile()
    warnings = Warnings(profile)
    asked: list[str] = []
    profile.on("request", lambda request: asked.append(request.url.removeprefix(user.base)))
    window = await user.open()
    assert await window.page.evaluate(IS_RESTORED)
    client = await profile.new_cdp_session(window.page)
    size = await window.page.evaluate("Number(document.querySelector('#snapshot').dataset.size)")
    held = size
    async with asyncio.timeout(PATIENCE):
        while held >= size / 4:  # the first window holds them until they are on the disk
            await client.send("HeapProfiler.collectGarbage")
            held = (await client.send("Runtime.getHeapUsage"))["backingStorageSize"]  # array buffers, not Python's own
            await asyncio.sleep(0.1)
    await expect_works(window)
    await window.reload()
    assert await window.page.evaluate(IS_RESTORED)
    assert [address for address in asked if address.startswith("/snapshots/")]
    assert not [address for address in asked if address.endswith("/app.zip")], "all of it is in the snapshot"
    assert not [address for address in asked if address.endswith("/python_stdlib.zip")], "nor the standard library"
    assert warnings.texts == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def python(browser: Browser, gateway: Service) -> AsyncIterator[Page]:
    """A bare document with Python from the snapshot."""
    await wait_for_snapshot(gateway.url)
    async with open_user(browser, gateway.url) as user:
        user.watch.expected.append("favicon.ico")
        page = await (await user.new_profile()).new_page()
        await load_python(page, user.base)
        yield page


async def test_module_outside_the_snapshot_is_loaded_on_import(python: Page) -> None:
    assert await python.evaluate(IS_RESTORED)
    asked: list[str] = []
    python.on("request", lambda request: asked.append(request.url))
    assert await run_python(python, "import sys; return 'colorsys' in sys.modules") is False
    code = (
        "import colorsys, email.mime.text, wsgiref.util; return colorsys.rgb_to_hsv(1, 0, 0)[2], wsgiref.util.__name__"
    )
    assert await run_python(python, code) == [1, "wsgiref.util"]
    assert len([address for address in asked if address.endswith("/python_stdlib.zip")]) == 1


async def test_snapshot_contains_all_of_mooring(python: Page, gateway: Service) -> None:
    """A module that creates a JavaScript object on import would prevent the snapshot."""
    async with aiohttp.ClientSession() as session, session.get(f"{gateway.url}/app.zip") as answer:
        names = zipfile.ZipFile(io.BytesIO(await answer.read())).namelist()
    modules = [re.sub(r"(/__init__)?\.py$", "", name).replace("/", ".") for name in names]
    loaded = await run_python(python, "import sys; return list(sys.modules)")
    assert {name for name in modules if not name.startswith("app.prerender")} - set(loaded) == {"app.main"}
    assert not [name for name in loaded if name.startswith("app.prerender")], "it runs beside the gateway"


async def test_modules_of_pyscript_are_compiled_in_the_snapshot(python: Page) -> None:
    """PyScript writes its own modules into files and imports them at each start."""
    brought = await python.evaluate("import('/static/vendor/pyscript/core.js').then(({ stdlib }) => stdlib)")
    code = """
        import builtins, importlib.machinery, pathlib
        exec(brought.replace("import pyscript as _pyscript", "_pyscript = None"), {})
        files, compiled, usual = sorted(pathlib.Path("pyscript").glob("*.py")), [], compile
        builtins.compile = lambda source, path, *rest, **named: (
            compiled.append(path) or usual(source, path, *rest, **named)
        )
        for file in files:
            importlib.machinery.SourceFileLoader(file.stem, str(file)).get_code(file.stem)
        (changed := files[0]).write_text("x = 1")
        importlib.machinery.SourceFileLoader("changed", str(changed)).get_code("changed")
        builtins.compile = usual
        return len(files), compiled == [str(changed)]
    """
    count, is_foreseen = await run_python(python, code, brought=brought)
    assert count > 10
    assert is_foreseen, "all but the one that was changed"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [("flipped", "it is damaged"), ("cut", "it is damaged"), ("gone", "has none"), ("another build's", "build id")],
)
async def test_unusable_snapshot_is_reported_and_not_used(user: BrowserUser, damage: str, reason: str) -> None:
    """Python starts without it; the test waits for that only where Pyodide detects it, with half of Python started."""
    await wait_for_snapshot(user.base)
    profile = await user.new_profile()
    warnings = Warnings(profile)
    words = [64, 0, 0, *[0x706E7300, 64, 0, 0, *([7] * 12)]]  # a header as Pyodide's, and no pages
    data = b"".join(word.to_bytes(4, "little") for word in words)
    match damage:
        case "flipped":
            await profile.add_init_script(RENAME % ("link.dataset.size", total(words)))
        case "cut":
            await profile.route(SNAPSHOT, lambda route: route.fulfill(status=200, body=data))
        case "gone":
            await profile.route(SNAPSHOT, lambda route: route.fulfill(status=204))
        case _:
            await profile.route(SNAPSHOT, lambda route: route.fulfill(status=200, body=data))
            await profile.add_init_script(RENAME % (len(data), total(words)))
    page = await open_without_snapshot(profile, user.base)
    (warning,) = warnings.texts
    assert warning.startswith("warning: Mooring starts without its memory snapshot: ")
    assert reason in warning
    if reason == "build id":
        window = MooringWindow(page)
        await window.ready()
        assert not await page.evaluate(IS_RESTORED)
        await expect_works(window)
        assert warnings.texts == [warning]


def total(words: list[int]) -> int:
    """Return the checksum of words, as static/js/snapshot_worker.mjs computes it."""
    found = 0
    for word in words:
        found = (found ^ word) * 16777619 % 2**32
    return found


async def test_missing_snapshots_cause_no_message(user: BrowserUser) -> None:
    profile = await user.new_profile()
    warnings = Warnings(profile)
    await profile.add_init_script(
        """new MutationObserver(() => document.querySelector("#snapshot")?.remove())
          .observe(document, { childList: true, subtree: true });"""
    )
    await open_without_snapshot(profile, user.base)
    assert warnings.texts == []
