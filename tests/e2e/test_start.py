"""What makes a window start quickly, checked in the browser's own trace and requests."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.kit.browser.chromium import open_chromium, wait_for_snapshot
from tests.kit.browser.windows import PATIENCE, MooringWindow
from tests.kit.browser.work import make_photo
from tests.kit.gateways import relay
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

COMPILED = "wasm.Deserialize"  # V8's name for loading compiled code from its cache


@pytest_asyncio.fixture(loop_scope="session")
async def disk_profile(tmp_path: Path, gateway: Service) -> AsyncIterator[BrowserContext]:
    """A profile on disk, with the browser's caches."""
    await wait_for_snapshot(gateway.url)
    async with open_chromium(profile=tmp_path / "profile") as context:
        context.set_default_timeout(PATIENCE)
        yield context


async def open_window(profile: BrowserContext, gateway: Service) -> MooringWindow:
    window = await MooringWindow.open(profile, gateway.url)
    await window.ready()
    return window


async def trace_of(profile: BrowserContext, gateway: Service) -> set[str]:
    """Return the names of V8's WebAssembly events while a second window starts."""
    assert profile.browser is not None
    session = await profile.browser.new_browser_cdp_session()
    found: list[dict[str, Any]] = []
    ended = asyncio.Event()
    session.on("Tracing.dataCollected", lambda event: found.extend(event["value"]))
    session.on("Tracing.tracingComplete", lambda _: ended.set())
    await session.send("Tracing.start", {"categories": "v8.wasm", "transferMode": "ReportEvents"})
    await open_window(profile, gateway)
    await session.send("Tracing.end")
    await asyncio.wait_for(ended.wait(), PATIENCE / 1000)
    return {event["name"] for event in found}


async def test_second_tab_uses_code_compiled_by_the_first(
    disk_profile: BrowserContext, gateway: Service, tmp_path: Path
) -> None:
    """Chromium passes the cached code to a page with the file, and a preload would have received it instead.

    V8 writes its compiled code once there is enough of it, so the first window works until then. How much it writes is
    what was compiled by then: 400 to 900 kB.
    """
    window = await open_window(disk_profile, gateway)
    kept = tmp_path / "profile" / "Default" / "Code Cache" / "wasm"
    async with asyncio.timeout(PATIENCE / 1000):
        for number in itertools.count():
            if any(path.stat().st_size > 100_000 for path in kept.glob("*_0")):
                break
            await window.run_photo(make_photo(tmp_path, number))
    assert COMPILED in await trace_of(disk_profile, gateway)


async def test_page_loads_its_own_modules_beside_another_installation(gateway: Service, tmp_path: Path) -> None:
    """V8 keeps evaluated code for all pages of a process, with the address that its imports are resolved at."""
    asked: list[str] = []
    async with (
        relay(gateway.url) as (other, _),
        open_chromium("--renderer-process-limit=1", profile=tmp_path / "profile") as context,
    ):
        context.set_default_timeout(PATIENCE)
        await (await MooringWindow.open(context, gateway.url)).ready()
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(other)
        await MooringWindow(page).ready()
    assert [url for url in asked if url.startswith(gateway.url)] == []
    assert any(url.startswith(f"{other}/b/") for url in asked)
