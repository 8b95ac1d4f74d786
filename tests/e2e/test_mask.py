"""A mask painted over a picture in a real browser: the server gets unchanged colours and the painted alpha.

The page receives another workflow in place of the first sample, which saves the colours and the mask that LoadImage
makes of the picture.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image, ImageChops, ImageOps
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.kit.browser.chromium import BARE, IS_KEPT, wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

MASK = """() => {
  const canvas = document.querySelector(".mask-paint");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const mask = data.filter((_, place) => place % 4 === 3);
  let text = "";
  for (let at = 0; at < mask.length; at += 8192) text += String.fromCharCode(...mask.subarray(at, at + 8192));
  return [canvas.width, canvas.height, btoa(text)];
}"""

READ = """async ([text, type]) => {
  const { readPixels } = await import("/static/js/picture.js");
  const bytes = Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const { width, height, data } = await readPixels(new Blob([bytes], { type }));
  let found = "";
  for (let at = 0; at < data.length; at += 8192) found += String.fromCharCode(...data.subarray(at, at + 8192));
  return [width, height, btoa(found)];
}"""


def make_workflow() -> dict[str, Any]:
    """Return a workflow that saves a picture's colours and its mask."""
    return {
        "v": 1,
        "title": "Masks",
        "about": "",
        "needs": "",
        "fields": [{"node": "1", "input": "image", "kind": "picture", "label": "Photo"}],
        "workflow": {
            "1": {"class_type": "LoadImage", "inputs": {"image": ""}},
            "2": {"class_type": "MaskToImage", "inputs": {"mask": ["1", 1]}},
            "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mask"}},
            "4": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "colours"}},
        },
    }


def make_workflow_with_mask_file() -> dict[str, Any]:
    """Return the same workflow with a mask in a file of its own."""
    made = make_workflow()
    made["fields"].append({"node": "5", "input": "image", "kind": "mask", "label": "Mask"})
    made["workflow"]["5"] = {"class_type": "LoadImageMask", "inputs": {"image": "", "channel": "green"}}
    made["workflow"]["2"]["inputs"]["mask"] = ["5", 0]
    return made


async def use_workflow(profile: BrowserContext, workflow: dict[str, Any]) -> None:
    """Make this workflow the sample *enlarge* of a profile."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps(workflow))

    await profile.route("**/static/workflows/enlarge.json", answer)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_user(browser: Browser, gateway: Service) -> AsyncIterator[BrowserUser]:
    """A user whose sample *enlarge* saves colours and mask."""
    async with open_user(browser, gateway.url) as opened:
        await use_workflow(await opened.new_profile(), make_workflow())
        yield opened


async def open_mask(page: Page) -> None:
    """Open the mask dialog, and wait until it can be painted."""
    await page.get_by_test_id("mask-1-image").click()
    await page.locator(".mask-paint").wait_for()


async def mask_of(page: Page) -> Image.Image:
    """Return the mask in the dialog; 255 is masked."""
    width, height, text = await page.evaluate(MASK)
    return Image.frombytes("L", (width, height), base64.b64decode(text))


async def drag(page: Page, *places: tuple[float, float]) -> None:
    """Move the pointer over the picture; places are fractions of its width and height."""
    box = await page.locator("#mask-sheet").bounding_box()
    assert box is not None
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in places]
    await page.mouse.move(*points[0])
    await page.mouse.down()
    for point in points[1:]:
        await page.mouse.move(*point, steps=5)
    await page.mouse.up()


async def run(window: MooringWindow, node: str = "1") -> tuple[Image.Image, Image.Image, Image.Image]:
    """Run, and return the server's file of that node, LoadImage's colours, and the mask."""
    prompt_id = await window.press_run()
    await window.card(prompt_id, "succeeded").wait_for()
    task = await window.task(prompt_id)
    history = await window.call("mooring.getTaskHistory(a[0]).then((entry) => JSON.stringify(entry))", prompt_id)
    entry = json.loads(history)
    entry = entry.get(prompt_id, entry)
    base = f"{window.page.url.split('?')[0].rstrip('/')}/servers/{task['executionServer']}/view"
    name = entry["prompt"][2][node]["inputs"]["image"]
    subfolder, _, filename = name.rpartition("/")
    sent = await picture(base, filename=filename, subfolder=subfolder, type="input")
    outputs = [entry["outputs"][output]["images"][0] for output in ("4", "3")]
    colours, mask = [await picture(base, **item) for item in outputs]
    return sent, colours, mask


async def picture(base: str, **query: str) -> Image.Image:
    """Return a file of a server."""
    async with aiohttp.ClientSession() as session, session.get(base, params=query) as answer:
        assert answer.status == 200, await answer.text()
        return Image.open(io.BytesIO(await answer.read()))


def is_equal(one: Image.Image, other: Image.Image) -> bool:
    """Return whether two pictures have the same pixels."""
    return one.size == other.size and one.mode == other.mode and ImageChops.difference(one, other).getbbox() is None


async def test_painted_mask_becomes_alpha_and_colours_are_unchanged(window: MooringWindow, photo: Path) -> None:
    page, original = window.page, Image.open(photo)
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await open_mask(page)
    assert (await mask_of(page)).getextrema() == (0, 0)

    await drag(page, (0.2, 0.5), (0.8, 0.5))  # paint
    painted = await mask_of(page)
    assert [painted.getpixel((x, 107)) for x in (10, 64, 160, 256, 310)] == [0, 255, 255, 255, 0]
    await page.keyboard.press("e")
    await page.keyboard.press("[")
    await drag(page, (0.5, 0.3), (0.5, 0.7))  # erase
    erased = await mask_of(page)
    assert [erased.getpixel((x, 107)) for x in (64, 160, 256)] == [255, 0, 255]
    await page.get_by_role("button", name="Undo").last.click()
    assert is_equal(await mask_of(page), painted)
    await page.keyboard.press("ControlOrMeta+Shift+Z")
    assert is_equal(await mask_of(page), erased)
    await page.keyboard.press("i")
    assert is_equal(await mask_of(page), ImageOps.invert(erased))
    await page.keyboard.press("ControlOrMeta+Z")

    await page.get_by_role("button", name="Use this mask").click()
    await expect(page.get_by_test_id("mask-dialog")).to_have_count(0)
    await expect(page.locator(".drop-name")).to_have_text("dunes-0-masked.png")
    await expect(page.get_by_test_id("mask-1-image")).to_have_text("Paint on with the mask")
    await wait_for_js(page, IS_KEPT)
    await window.reload()  # before any run
    await expect(page.locator(".drop-name")).to_have_text("dunes-0-masked.png")
    await expect(page.get_by_test_id("mask-1-image")).to_have_text("Paint on with the mask")
    sent, colours, mask = await run(window)
    assert sent.mode == "RGBA"
    assert is_equal(sent.convert("RGB"), original), "colours are unchanged even where alpha is 0"
    assert is_equal(sent.getchannel("A"), ImageOps.invert(erased))
    assert is_equal(colours.convert("RGB"), original)
    assert is_equal(mask.convert("L"), erased)

    await open_mask(page)  # the mask from before the reload
    assert is_equal(await mask_of(page), erased)
    await drag(page, (0.1, 0.1), (0.1, 0.2))
    reopened = await mask_of(page)
    await page.get_by_role("button", name="Use this mask").click()
    await expect(page.get_by_test_id("mask-dialog")).to_have_count(0)
    sent, _, mask = await run(window)
    assert is_equal(sent.convert("RGB"), original)
    assert is_equal(mask.convert("L"), reopened)


async def test_mask_file_keyboard_and_clear(window: MooringWindow, photo: Path, tmp_path: Path) -> None:
    half, notes = tmp_path / "half.png", tmp_path / "notes.png"
    mask = Image.new("L", (160, 107), 0)
    mask.paste(255, (80, 0, 160, 107))
    mask.save(half)
    notes.write_text("no picture")
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await open_mask(page)

    await page.locator("#mask-file").set_input_files(half)
    await expect(page.locator("#mask-note")).to_have_text("The mask file is 160 × 107; it was scaled to the picture.")
    loaded = await mask_of(page)
    assert [loaded.getpixel((x, 100)) for x in (5, 150, 170, 315)] == [0, 0, 255, 255]
    await page.locator("#mask-file").set_input_files(notes)
    await expect(page.locator("#mask-note")).to_have_text("“notes.png” is no picture that can be read.")
    assert is_equal(await mask_of(page), loaded)

    await page.get_by_role("button", name="Clear").click()
    assert (await mask_of(page)).getextrema() == (0, 0)
    await page.locator("#mask-stage").focus()  # without a pointer the brush starts in the middle
    await page.keyboard.press("Space")
    for _ in range(8):
        await page.keyboard.press("Shift+ArrowRight")
    by_keys = await mask_of(page)
    assert [by_keys.getpixel((x, 107)) for x in (100, 160, 200)] == [0, 255, 255]
    await page.keyboard.press("Escape")  # closed without using the mask, which is kept
    await expect(page.get_by_test_id("mask-question")).to_be_visible()
    await expect(page.locator(".drop-name")).to_have_text("dunes-0.png")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("mask-question")).to_be_hidden()
    assert is_equal(await mask_of(page), by_keys)
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_role("button", name="Use this mask").click()
    await expect(page.get_by_test_id("mask-dialog")).to_have_count(0)
    await expect(page.locator(".drop-name")).to_have_text("dunes-0.png")
    sent, _, nothing = await run(window)
    assert sent.mode == "RGB", "without a mask, the file goes as it was picked"
    assert nothing.convert("L").getextrema() == (0, 0)


async def touch(page: Page, *moves: list[tuple[float, float]]) -> None:
    """Move fingers on the picture; places are fractions of its width and height."""
    box = await page.locator("#mask-sheet").bounding_box()
    assert box is not None
    session = await page.context.new_cdp_session(page)
    for kind, places in zip(("touchStart", *["touchMove"] * (len(moves) - 1)), moves, strict=True):
        points = [
            {"x": box["x"] + box["width"] * x, "y": box["y"] + box["height"] * y, "id": number}
            for number, (x, y) in enumerate(places)
        ]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_separate_mask_is_painted_on_a_phone(user: BrowserUser, photo: Path) -> None:
    profile = await user.new_profile(viewport={"width": 360, "height": 740}, has_touch=True)
    await use_workflow(profile, make_workflow_with_mask_file())
    window = await user.open()
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await page.get_by_test_id("mask-5-image").click()
    await page.locator(".mask-paint").wait_for()
    await touch(page, [(0.3, 0.3)], [(0.3, 0.5)], [(0.3, 0.7)])
    painted = await mask_of(page)
    assert [painted.getpixel((x, 107)) for x in (20, 96, 200)] == [0, 255, 0]
    wide = await page.locator("#mask-sheet").evaluate("(sheet) => sheet.clientWidth")
    await touch(page, [(0.4, 0.5), (0.6, 0.5)], [(0.3, 0.5), (0.7, 0.5)], [(0.2, 0.5), (0.8, 0.5)])
    assert await page.locator("#mask-sheet").evaluate("(sheet) => sheet.clientWidth") > 1.5 * wide, "two fingers zoom"
    assert is_equal(await mask_of(page), painted), "and paint nothing"
    await page.get_by_role("button", name="Use this mask").click()
    await expect(page.get_by_test_id("drop-5-image").locator(".drop-name")).to_have_text("dunes-0-masked.png")
    await expect(page.get_by_test_id("drop-1-image").locator(".drop-name")).to_have_text("dunes-0.png")
    sent, colours, mask = await run(window, "5")
    assert [is_equal(sent.getchannel(channel), painted) for channel in "RGB"] == [True] * 3
    assert is_equal(sent.getchannel("A"), ImageOps.invert(painted)), "any channel that the node may read is right"
    assert is_equal(mask.convert("L"), painted)
    assert is_equal(colours.convert("RGB"), Image.open(photo))
    await window.show("form")
    await page.get_by_test_id("mask-5-image").click()
    await page.locator(".mask-paint").wait_for()
    assert is_equal(await mask_of(page), painted)


def samples() -> dict[str, tuple[Image.Image, bytes]]:
    """Return pictures as the server reads them, each with its file: with alpha, and a rotated photo."""
    wide, high = 37, 23
    colours = Image.new("RGBA", (wide, high))
    colours.putdata([(x * 6, y * 11, (x * y) % 256, (x * 7 + y) % 256) for y in range(high) for x in range(wide)])
    grey = colours.convert("LA")
    found = {"RGBA": (colours, colours), "grey with alpha": (grey.convert("RGBA"), grey)}
    written = {name: (seen, _file(image, "PNG")) for name, (seen, image) in found.items()}
    photo = colours.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held upright
    upright = photo.transpose(Image.Transpose.ROTATE_270).convert("RGBA")
    return {**written, "turned": (upright, _file(photo, "JPEG", exif=exif, quality=100, subsampling=0))}


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


async def test_pixels_are_read_as_the_server_reads_them(user: BrowserUser) -> None:
    user.watch.expected.append("favicon.ico")
    page = (await user.open(BARE, is_ready=False)).page
    for name, (seen, file) in samples().items():
        media_type = "image/jpeg" if name == "turned" else "image/png"
        width, height, text = await page.evaluate(READ, [base64.b64encode(file).decode(), media_type])
        read = Image.frombytes("RGBA", (width, height), base64.b64decode(text))
        assert read.size == seen.size, name
        if name == "turned":
            worst = max(
                high for _, high in ImageChops.difference(read.convert("RGB"), seen.convert("RGB")).getextrema()
            )
            assert worst <= 6, "JPEG is not exact, and its readers differ a little"
        else:
            assert read.tobytes() == seen.tobytes(), name
