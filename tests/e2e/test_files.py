"""Files in the form's fields in a real browser: paste, players, refusals and the camera."""

from __future__ import annotations

import json
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import open_headless_shell, wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

KINDS = {"1": "picture", "2": "picture", "3": "video", "4": "audio"}
# A file as a clipboard or a drag brings it: `[kind of event, where, name, type, text beside it]`.
BRING = """([kind, where, name, type, text]) => {
  const transfer = new DataTransfer();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [30, 20];
  const bytes = Uint8Array.from(atob(canvas.toDataURL("image/png").split(",")[1]), (byte) => byte.charCodeAt(0));
  transfer.items.add(new File([bytes], name, { type }));
  if (text) transfer.setData("text/plain", text);
  const target = document.querySelector(where) ?? document.body;
  const how = { bubbles: true, cancelable: true };
  const isPaste = kind === "paste";
  const given = isPaste ? { clipboardData: transfer, ...how } : { dataTransfer: transfer, ...how };
  return target.dispatchEvent(new (isPaste ? ClipboardEvent : DragEvent)(kind, given));
}"""


def make_workflow() -> dict[str, Any]:
    """Return a workflow with fields for two pictures, a video, a sound and a text."""
    names = {"picture": "image", "video": "file", "audio": "audio"}
    classes = {"picture": "LoadImage", "video": "LoadVideo", "audio": "LoadAudio"}
    graph: dict[str, Any] = {
        node: {"class_type": classes[kind], "inputs": {names[kind]: ""}} for node, kind in KINDS.items()
    }
    graph["5"] = {"class_type": "DemoSampler", "inputs": {"text": "calm"}}
    fields = [{"node": node, "input": names[kind], "kind": kind} for node, kind in KINDS.items()]
    return {
        "v": 1,
        "title": "Files",
        "about": "",
        "needs": "",
        "fields": [*fields, {"node": "5", "input": "text", "kind": "text"}],
        "workflow": graph,
    }


async def open_form(user: BrowserUser, **options: Any) -> MooringWindow:
    """Open a window with that workflow."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(make_workflow()))

    profile = await user.new_profile(**options)
    await profile.route("**/static/workflows/enlarge.json", answer)
    window = await user.open()
    await window.choose_sample("enlarge")
    return window


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_file_form(module_user: BrowserUser) -> Page:
    """A window with that workflow for the whole module."""
    return (await open_form(module_user)).page


@pytest_asyncio.fixture(loop_scope="session")
async def file_form(module_file_form: Page, module_user: BrowserUser) -> AsyncIterator[Page]:
    """That window with empty fields; any error in it fails the test."""
    module_user.watch.restart()
    clear = module_file_form.get_by_role("button", name="Take the file out")
    while await clear.count():
        await module_file_form.evaluate("document.querySelector('[data-action=clear-picture]')?.click()")
    await module_file_form.evaluate("document.activeElement.blur()")
    yield module_file_form
    module_user.watch.check()


async def paste_or_drop(
    page: Page, kind: str, where: str, name: str, *, media_type: str = "image/png", text: str = ""
) -> bool:
    """Paste or drop a file, and return False if the page took it."""
    return bool(await page.evaluate(BRING, [kind, where, name, media_type, text]))


def name_in(page: Page, field: str) -> Any:
    """Return the name of the file in a field."""
    return page.get_by_test_id(f"drop-{field}").locator(".drop-name")


async def test_pasted_picture_goes_to_the_focused_or_first_empty_field(file_form: Page) -> None:
    page = file_form
    await expect(page.locator(".camera-live:visible, .camera-phone:visible")).to_have_count(0)  # no camera
    await page.locator("#field-2-image").focus()
    await paste_or_drop(page, "paste", "#field-2-image", "focused.png")
    await expect(name_in(page, "2-image")).to_have_text("focused.png")
    await page.get_by_role("button", name="Use “focused.png” here too").click()
    await expect(name_in(page, "1-image")).to_have_text("focused.png")
    await page.get_by_role("button", name="Take the file out").first.click()
    await page.evaluate("document.activeElement.blur()")
    await paste_or_drop(page, "paste", "body", "empty.png")
    await expect(name_in(page, "1-image")).to_have_text("empty.png")
    await paste_or_drop(page, "paste", "body", "first.png")
    await expect(name_in(page, "1-image")).to_have_text("first.png")
    await page.locator("#field-4-audio").focus()
    await paste_or_drop(page, "paste", "#field-4-audio", "not-here.png")  # not into a sound's field
    await expect(name_in(page, "1-image")).to_have_text("not-here.png")
    await page.locator("#field-5-text").focus()
    assert await paste_or_drop(page, "paste", "#field-5-text", "of-text.png", text="a text")  # the text is pasted
    await expect(name_in(page, "1-image")).to_have_text("not-here.png")
    await paste_or_drop(page, "drop", "[data-testid=drop-1-image]", "dropped.png")
    await expect(name_in(page, "1-image")).to_have_text("dropped.png")


async def test_videos_and_sounds_have_a_player_and_others_are_refused(file_form: Page, tmp_path: Path) -> None:
    page, sound = file_form, tmp_path / "wave.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(b"\0\0" * 8000)
    await page.locator("#field-4-audio").set_input_files(sound)
    await wait_for_js(page, "document.querySelector('audio.drop-player')?.duration === 1")
    assert await page.evaluate("document.querySelector('audio.drop-player').paused")
    await paste_or_drop(page, "drop", "[data-testid=drop-3-file]", "tide.webm", media_type="video/webm")
    await expect(page.locator("video.drop-player")).to_have_attribute("controls", "")
    await expect(name_in(page, "3-file")).to_have_text("tide.webm")
    await paste_or_drop(page, "drop", "body", "second.webm", media_type="video/webm")
    await expect(name_in(page, "3-file")).to_have_text("second.webm")
    await paste_or_drop(page, "drop", "[data-testid=drop-3-file]", "still.png")
    await expect(page.locator("#errors")).to_contain_text("“still.png” is no film.")
    await paste_or_drop(page, "drop", "[data-testid=drop-4-audio]", "still.png")
    await expect(page.locator("#errors")).to_contain_text("“still.png” is no sound.")
    await expect(page.locator(".drop-player")).to_have_count(2)  # the earlier ones stay


async def test_picture_is_taken_with_the_camera(gateway: Service) -> None:
    flags = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
    async with open_headless_shell(*flags) as browser, open_user(browser, gateway.url) as user:
        page = (await open_form(user)).page
        await page.locator(".camera-live[data-node='2']").click()
        await expect(page.locator("#camera-take")).to_be_enabled()
        await check_axe(page)
        await page.locator("#camera-take").click()
        await expect(page.get_by_test_id("camera-dialog")).to_have_count(0)
        await expect(name_in(page, "2-image")).to_contain_text("camera-")
        assert await page.evaluate("document.querySelector('[data-testid=drop-2-image] img').naturalWidth") > 100


async def test_phone_without_https_uses_its_camera_app(user: BrowserUser) -> None:
    profile = {"has_touch": True, "is_mobile": True, "viewport": {"width": 360, "height": 740}}
    window = await open_form(user, **profile)
    page = window.page
    await expect(page.locator(".camera-live:visible")).to_have_count(0)
    button = page.locator(".camera-phone:visible")
    await expect(button).to_have_count(2)
    assert await button.first.locator("input").get_attribute("capture") == "environment"
