"""A crashed renderer is reported with its signal, so that a crash in the suite can be explained."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Error

from tests.kit.browser.chromium import open_chromium
from tests.kit.browser.crashes import describe
from tests.kit.browser.windows import PATIENCE

pytestmark = pytest.mark.e2e


@pytest.mark.asyncio(loop_scope="session")
async def test_crash_is_reported_with_its_signal() -> None:
    notes: asyncio.Queue[str] = asyncio.Queue()
    async with open_chromium(on_crash=notes.put_nowait) as browser:
        page = await browser.new_page()
        session = await page.context.new_cdp_session(page)
        crash = asyncio.ensure_future(session.send("Page.crash"))
        note = await asyncio.wait_for(notes.get(), PATIENCE / 1000)
        assert f"Chromium {browser.version}: crashed, SIG" in note
        assert "GB of disk free" in note
        await page.context.close()
        with pytest.raises(Error):
            await crash


@pytest.mark.parametrize(
    ("code", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (133, "SIGTRAP"), (139, "SIGSEGV"), (0, "code 0")]
)
def test_wait_status_names_its_signal(code: int, name: str) -> None:
    assert f"crashed, {name};" in describe({"status": "crashed", "errorCode": code})
