"""Results that are no pictures: a 3D model is drawn, a text is read whole, and a drawing runs no script."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

SHAPE = {"width": 1.5, "height": 1.0, "depth": 0.8, "filename_prefix": "mesh/box"}
# A box of 132 bytes, compressed by Draco.
DRACO = (
    "RFJBQ08CAgEBAAAACAwACwAAA19LFQEBEAH/AAABAAkDAAAAAACAPwAAgL8AAIC/AACAPwAAgD8AAIA/AACAPwAAgL8AAIA/AACAvwAAgL8AAIA/"
    "AACAvwAAgD8AAIA/AACAvwAAgD8AAIC/AACAPwAAgD8AAIC/AACAvwAAgL8AAIC/"
)
EXTENSION = "KHR_draco_mesh_compression"
COMPRESSED = {
    "asset": {"version": "2.0"},
    "extensionsUsed": [EXTENSION],
    "extensionsRequired": [EXTENSION],
    "buffers": [{"byteLength": 132, "uri": f"data:application/octet-stream;base64,{DRACO}"}],
    "bufferViews": [{"buffer": 0, "byteLength": 132}],
    "accessors": [
        {"componentType": 5126, "count": 8, "type": "VEC3", "min": [-1, -1, -1], "max": [1, 1, 1]},
        {"componentType": 5125, "count": 36, "type": "SCALAR"},
    ],
    "meshes": [
        {
            "primitives": [
                {
                    "attributes": {"POSITION": 0},
                    "indices": 1,
                    "extensions": {EXTENSION: {"bufferView": 0, "attributes": {"POSITION": 0}}},
                }
            ]
        }
    ],
    "nodes": [{"mesh": 0}],
    "scenes": [{"nodes": [0]}],
    "scene": 0,
}
DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="#e63"/>
<script>document.documentElement.dataset.ran = "yes"; parent.document.title = "taken over";</script></svg>"""
NOTE = "# Evening\n\n<b>as written</b>\n" + "a line\n" * 600


def note(text: str, ending: str) -> dict[str, object]:
    inputs = {"text": text, "filename_prefix": f"{ending}/note", "format": ending}
    return {"1": {"class_type": "DemoNote", "inputs": inputs}}


async def made(window: MooringWindow, workflow: dict[str, object]) -> str:
    prompt_id = await window.submit(workflow)
    await window.wait_for(prompt_id)
    return prompt_id


async def count_colours(page: Page) -> int:
    drawn = await page.locator(".large-model model-viewer").screenshot()
    with Image.open(io.BytesIO(drawn)) as picture:
        return len(picture.convert("RGB").resize((64, 64)).getcolors(64 * 64) or [])


async def open_model(window: MooringWindow, prompt_id: str) -> None:
    await window.card(prompt_id).locator(".is-file .result-open").click()
    await window.page.locator(".large-model[data-state=shown]").wait_for()


async def test_results_that_are_no_pictures_are_shown(user: BrowserUser) -> None:
    user.watch.expected.append("Content Security Policy")  # the script of the drawing, opened as a page
    await user.new_profile(viewport={"width": 920, "height": 560})  # few pixels to draw, without a graphics card
    window = await user.open()
    page = window.page
    fetched: list[str] = []
    page.context.on("request", lambda request: fetched.append(request.url.rpartition("/")[2]))
    box = await made(window, {"1": {"class_type": "DemoShape", "inputs": SHAPE}})
    await expect(window.card(box).locator(".file-facts")).to_have_text("Vertices 8 · Triangles 12 · Materials 1")
    assert "model-viewer.min.js" not in fetched, "the viewer is loaded when it is needed"

    await open_model(window, box)
    await expect(page.locator(".large-model > .large-words")).to_be_hidden()
    assert await count_colours(page) > 8, "sides, shades and a shadow"
    turn = "document.querySelector('model-viewer').getCameraOrbit().theta"
    before = await page.evaluate(turn)
    await page.locator("model-viewer .userInput").focus()
    await page.keyboard.press("ArrowRight")
    await wait_for_js(page, f"(before) => {turn} !== before", arg=before)
    await check_axe(page)
    await window.close_large()
    assert "draco_decoder.wasm" not in fetched
    await wait_for_js(page, "document.querySelector('.is-file img')?.naturalWidth > 0")  # its drawing is kept

    compressed = await made(window, note(json.dumps(COMPRESSED), "gltf"))
    await open_model(window, compressed)
    assert await count_colours(page) > 8
    await window.close_large()
    assert {"model-viewer.min.js", "draco_wasm_wrapper.js", "draco_decoder.wasm"} <= set(fetched)

    text = await made(window, note(NOTE, "md"))
    await expect(window.card(text).locator("pre")).to_contain_text("<b>as written</b>")
    await window.card(text).locator(".result-open").click()
    await wait_for_js(page, "(whole) => document.querySelector('#large-text')?.textContent === whole", arg=NOTE)
    await window.close_large()

    drawing = await made(window, note(DRAWING, "svg"))
    await wait_for_js(page, "document.querySelector('[data-testid=result-image]')?.naturalWidth === 40")
    image = await window.open_large(drawing)
    await wait_for_js(page, "document.querySelector('.large-stage img')?.naturalWidth === 40")
    address = await image.get_attribute("src")
    async with page.expect_popup() as opened:
        await page.evaluate("(url) => { window.open(url); }", address)
    alone = await opened.value
    await alone.locator("rect").wait_for()
    assert await alone.evaluate("document.documentElement.dataset.ran ?? ''") == ""
    assert await page.title() != "taken over"
