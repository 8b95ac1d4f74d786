"""Workflows opened from files, saved on a server or published, in a real browser: opened, run, and found later."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image
from playwright.async_api import Page, expect
from yarl import URL

from app.workflows.reading import read_source
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, press_in_menu
from tests.kit.browser.work import demo_servers, paused
from tests.kit.services import ROOT, Service, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

DROP = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, {type}));
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
}"""
PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""
FETCH = """async (address) => {
  const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""

# Whether several frames of the animated preview have been shown. No patch changes the address of a picture that plays.
FRAMES_SHOWN = """() => {
  const image = document.querySelector("[data-testid=preview][data-frames]");
  if (image?.naturalWidth === 128) (globalThis.seen ??= new Set()).add(image.src);
  return globalThis.seen?.size > 3 && image.dataset.frames.split(" ").length === 6;
}"""


def sampler(text: str, seed: int = 7) -> dict[str, Any]:
    inputs = {"text": text, "seed": seed, "steps": 2, "width": 96, "height": 64}
    return {
        "1": {"class_type": "DemoSampler", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "opened"}},
    }


def form_of(title: str, label: str) -> dict[str, Any]:
    fields = [{"node": "1", "input": "text", "kind": "text", "label": label}]
    return {"v": 1, "title": title, "about": "", "needs": "demo", "fields": fields, "workflow": sampler("published")}


def editor_graph() -> dict[str, Any]:
    """Return what the editor saves for the same nodes."""
    nodes = [
        {
            "id": 1, "type": "DemoSampler", "pos": [10, 20], "size": [300, 200], "mode": 0, "order": 0, "flags": {},
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
            "widgets_values": ["by the editor", 5, "fixed", 2, 96, 64],
        },
        {
            "id": 2, "type": "SaveImage", "pos": [400, 20], "size": [300, 200], "mode": 0, "order": 1, "flags": {},
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "widgets_values": ["opened"],
        },
    ]  # fmt: skip
    return {"nodes": nodes, "links": [[1, 1, 0, 2, 0, "IMAGE"]], "groups": [], "version": 0.4}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of published workflows."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "team.json").write_text(json.dumps(form_of("Team portrait", "Scene")))
    (folder / "from-the-editor.json").write_text(json.dumps(editor_graph()))
    return folder


@pytest.fixture(scope="module")
def gateway(shared: Path) -> Iterator[Service]:
    with start_gateway("--workflows", str(shared), demo=2) as service:
        yield service


async def picture_of(window: MooringWindow, prompt_id: str) -> bytes:
    """Return the first result of a task from its server."""
    await window.wait_for(prompt_id)
    address = await window.call("mooring.getTaskBoundImageUrl(a[0])", prompt_id)
    return base64.b64decode(await window.page.evaluate(FETCH, address))


async def drop(page: Page, name: str, data: bytes, media_type: str = "") -> None:
    await page.evaluate(DROP, [name, media_type, base64.b64encode(data).decode()])


def pixels(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


async def test_dropped_picture_of_mooring_can_be_run(window: MooringWindow) -> None:
    page = window.page
    first = await picture_of(window, await window.submit(sampler("a harbour at dusk", seed=41)))
    await drop(page, "harbour_00001_.png", first, "image/png")
    form = page.locator(".fields")
    await expect(page.locator("#workflow-title")).to_have_text("harbour")
    await expect(form.locator("textarea")).to_have_value("a harbour at dusk")
    await expect(page.locator("#field-1-seed")).to_have_value("41")
    prompt_id = await window.press_run()
    assert pixels(await picture_of(window, prompt_id)) == pixels(first)

    await form.locator("textarea").fill("a harbour at dawn")
    await window.reload()
    await expect(form.locator("textarea")).to_have_value("a harbour at dawn")
    assert pixels(await picture_of(window, await window.press_run())) != pixels(first)

    await page.evaluate(PASTE, f"try this: {json.dumps(sampler('pasted', 3))}")
    await expect(form.locator("textarea")).to_have_value("pasted")
    await drop(page, "holiday.json", b"[1, 2]", "application/json")
    await expect(page.locator("#errors")).to_contain_text("holiday.json")

    await press_in_menu(page.get_by_test_id("open-library"))
    library = page.get_by_test_id("library")
    card = library.locator("li.shelf-card", has_text="harbour")
    await expect(card.locator("img")).to_be_visible()
    await card.get_by_test_id("edit-item").click()
    await card.locator("[data-change=item-title]").fill("Harbour")
    await card.locator("[data-change=item-tags]").fill("sea, studio")
    await card.locator("[data-change=item-tags]").blur()
    await expect(library.locator(".tags .tag")).to_have_text(["sea", "studio"])
    await library.locator("#library-query").fill("harbour")
    await expect(library.locator("li.shelf-card")).to_have_count(1)
    await library.locator("li.shelf-card").get_by_test_id("open-item").click()
    await expect(form.locator("textarea")).to_have_value("a harbour at dawn")
    await window.check()


async def test_animated_preview_runs_if_the_author_asked_for_it(user: BrowserUser, gateway: Service) -> None:
    """The `extra` of the editor's file reaches the server, whose frames are shown one after another."""
    graph = json.loads((ROOT / "demo_comfyui/workflows/animated-preview.json").read_text("utf-8"))
    graph["nodes"][0]["widgets_values"][3:] = [4, 6, 20, 128, 72]
    window = await user.open()
    page = window.page
    await drop(page, "film.json", json.dumps(graph).encode())
    async with paused(*demo_servers(gateway, 2)):
        prompt_id = await window.press_run()
        await expect(page.get_by_test_id("preview")).to_have_attribute("data-rate", "20")
        await wait_for_js(page, FRAMES_SHOWN)
        await window.press_cancel(prompt_id)


async def test_file_with_a_replaced_node_runs_with_the_new_one(window: MooringWindow) -> None:
    graph = editor_graph()
    graph["nodes"][1]["type"] = "OldSave"
    await drop(window.page, "old.json", json.dumps(graph).encode())
    await expect(window.page.locator(".form-notes")).to_contain_text("were replaced by the newer ones")
    inside = read_source(await picture_of(window, await window.press_run()), "again.png")
    assert inside.graph is not None and inside.api is not None
    assert json.loads(inside.graph)["nodes"][1]["type"] == json.loads(inside.api)["2"]["class_type"] == "SaveImage"


async def test_published_workflows_come_first_and_saved_ones_are_found(window: MooringWindow, shared: Path) -> None:
    page = window.page
    titles = page.locator("#workflow-list .pick-title")
    await expect(titles.first).to_have_text("from the editor")
    await expect(titles.nth(1)).to_have_text("Team portrait")

    await press_in_menu(page.locator(".pick", has_text="from the editor"))
    await expect(page.locator(".fields textarea")).to_have_value("by the editor")
    await page.locator(".fields textarea").fill("typed here, by the editor's own file")
    picture = await picture_of(window, await window.press_run())
    inside = read_source(picture, "again.png")
    assert inside.graph is not None and inside.api is not None
    assert json.loads(inside.graph)["nodes"][0]["widgets_values"][0] == "typed here, by the editor's own file"
    assert json.loads(inside.graph)["nodes"][1]["pos"] == [400, 20]

    await press_in_menu(page.locator(".pick", has_text="Team portrait"))
    await expect(page.locator(".fields label").first).to_have_text("Scene")
    await page.locator(".fields textarea").fill("typed before")
    (shared / "team.json").write_text(json.dumps(form_of("Team portrait", "What to see")))
    await expect(page.locator(".fields label").first).to_have_text("What to see")
    await expect(page.locator(".fields textarea")).to_have_value("typed before")

    server = await window.call("mooring.fleet().servers[0]")
    address = f"{server['address']}/userdata/workflows%2Fsaved%20there.json?overwrite=true"
    async with (
        aiohttp.ClientSession() as session,
        session.post(URL(address, encoded=True), json=editor_graph()) as reply,
    ):
        assert reply.status == 200
    await press_in_menu(page.get_by_test_id("open-library"))
    await page.locator("#saved-server").select_option(server["id"])
    await page.locator(".saved-name", has_text="saved there").click()
    await expect(page.locator("#workflow-title")).to_have_text("saved there")
    await expect(page.locator(".fields textarea")).to_have_value("by the editor")
    await window.check()
