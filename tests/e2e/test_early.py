"""The window before Python has started: restored, ready for typing and files, and private to its user."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.kit.browser.chromium import held, wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import demo_servers, paused, quick_workflow, slow_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PYTHON = "**/pyodide.asm.wasm"
LAST = "body.has-last"


@contextlib.asynccontextmanager
async def empty_start(page: Page) -> AsyncIterator[None]:
    """Reload, and check that nothing of the window's work is shown before Python, which starts after the block."""
    async with held(page, PYTHON):
        await page.reload()
        await expect(page.locator("#boot-label")).to_be_visible()
        await expect(page.get_by_test_id("task-card")).to_have_count(0)
        yield


async def test_reloaded_window_alone_is_restored_and_accepts_input_before_python(
    window: MooringWindow, gateway: Service, photo: Path
) -> None:
    page = window.page
    done = await window.submit(quick_workflow(), "Dunes")
    await window.wait_for(done)
    await expect(window.card(done).get_by_test_id("result-image")).to_be_visible()
    async with paused(*demo_servers(gateway)):
        running = await window.submit(slow_workflow(), "Tide")
        await window.wait_state(running, "running")
        await window.choose_sample("enlarge")
        async with held(page, PYTHON):
            await page.reload()
            await expect(page.locator(LAST)).to_have_count(1)
            await expect(page.locator("#now")).to_contain_text("Tide")
            picture = window.card(done).get_by_test_id("result-image")
            await wait_for_js(page, "(image) => image.naturalWidth > 1", arg=await picture.element_handle())
            early = await picture.get_attribute("src")
            assert await page.locator("#header").evaluate("(header) => header.inert")
            assert await page.evaluate("globalThis.mooring === undefined"), "Python is not there yet"
            factor = page.locator("#form input[type=number]").first
            await factor.fill("3")
            await page.locator("#form [data-drop] [data-files]").set_input_files(photo)
        await window.ready()
        await expect(page.locator(LAST)).to_have_count(0)
        await expect(factor).to_have_value("3")
        await expect(page.locator(".drop-name")).to_have_text(photo.name)
        await expect(picture).to_have_attribute("src", early or "", timeout=1)  # drawn with the earlier picture
        await window.reload()
        await expect(factor).to_have_value("3")
        await window.press_cancel(running)
    await window.check()


async def test_copy_of_a_tab_starts_empty_and_keeps_a_dropped_file(window: MooringWindow) -> None:
    await window.wait_for(await window.submit(quick_workflow(), "Dunes"))
    copy = await window.duplicate()
    page = copy.page
    async with empty_start(page):
        assert await window.page.evaluate("sessionStorage.getItem('mooring.last')") is None
        is_taken = await page.evaluate(
            """async () => {
              const transfer = new DataTransfer();
              const empty = { class_type: "EmptyImage", inputs: { width: 64, height: 64, batch_size: 1, color: 0 } };
              const save = { class_type: "SaveImage", inputs: { images: ["1", 0], filename_prefix: "early" } };
              const workflow = { 1: empty, 2: save };
              transfer.items.add(new File([JSON.stringify(workflow)], "early.json", { type: "application/json" }));
              const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
              return !document.body.dispatchEvent(drop);
            }"""
        )
        assert is_taken, "else the browser goes to the file"
    await copy.ready()
    await expect(page.locator("#field-1-width")).to_have_value("64")
    await page.close()


async def test_private_window_has_no_early_view(user: BrowserUser) -> None:
    window = await user.open("?private")
    await window.wait_for(await window.submit(quick_workflow(), "Dunes"))
    async with empty_start(window.page):
        assert await window.page.evaluate("sessionStorage.getItem('mooring.last')") is None
