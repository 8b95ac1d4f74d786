"""`docs/comfyui-mooring` in the real editor: its link opens the workflow in a real Mooring, and nothing is run."""

from __future__ import annotations

import importlib.util
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from app.workflows.links import LONGEST_OPEN, OpenLink, read_link
from tests.kit.services import Service, start_gateway
from tests.oracle.editor import START_SECONDS, Editor, open_editor

pytestmark = [pytest.mark.e2e]

FOLDER = Path(__file__).resolve().parents[2] / "docs/comfyui-mooring"
SCRIPT = FOLDER / "web/mooring.js"

# A sampler and a node that saves, as a user would place them, with a text that is not saved yet.
_DRAW = """async (text) => {
  await app.loadGraphData({ nodes: [], links: [], version: 0.4 }, true, true, "Blue hour 蓝");
  const [sampler, save] = ["DemoSampler", "SaveImage"].map((name) => LiteGraph.createNode(name));
  for (const node of [sampler, save]) app.rootGraph.add(node);
  sampler.connect(0, save, 0);
  sampler.widgets.find((widget) => widget.name === "text").value = text;
}"""
_SET = "(address) => app.extensionManager.setting.set('Mooring.Address', address)"


@pytest.fixture(scope="module")
def demo_gateway() -> Iterator[Service]:
    with start_gateway(demo=1) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(browser: Browser, demo_gateway: Service) -> AsyncIterator[Editor]:
    """The editor with the nodes of a demo server, and the sidebar's tab open."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{demo_gateway.url}/servers/demo-1/object_info") as answer,
        open_editor(browser, await answer.text(), [SCRIPT]) as opened,
    ):
        await opened.page.set_viewport_size({"width": 1100, "height": 700})
        await opened.page.evaluate(_SET, demo_gateway.url)
        await opened.page.get_by_role("button", name="Mooring", exact=True).click()
        yield opened


async def press(editor: Editor) -> Page:
    """Press the link, and return the page that it opens."""
    async with editor.page.context.expect_page() as opened:
        await editor.page.get_by_role("button", name="Open in Mooring").click()
    return await opened.value


@pytest.mark.asyncio(loop_scope="module")
async def test_link_fills_in_the_form_and_runs_nothing(editor: Editor, demo_gateway: Service) -> None:
    await editor.page.evaluate(_DRAW, "a pier & 桟橋 #1")
    page = await press(editor)
    await expect(page.get_by_test_id("linked")).to_contain_text("are from a link", timeout=START_SECONDS * 1000)
    await expect(page.locator("textarea").first).to_have_value("a pier & 桟橋 #1")
    await expect(page.locator("#workflow-title")).to_contain_text("Blue hour 蓝")
    assert page.url == f"{demo_gateway.url}/"
    assert await page.evaluate("() => [opener, document.referrer]") == [None, ""]
    async with aiohttp.ClientSession() as session:
        for path, empty in (("history", {}), ("queue", {"queue_running": [], "queue_pending": []})):
            async with session.get(f"{demo_gateway.url}/servers/demo-1/{path}") as answer:
                assert await answer.json() == empty
    await page.close()


@pytest.mark.parametrize("is_compressed", [True, False])
@pytest.mark.asyncio(loop_scope="module")
async def test_link_has_the_workflow_as_the_editor_saves_it(editor: Editor, *, is_compressed: bool) -> None:
    page = editor.page
    await page.evaluate(_DRAW, "a lighthouse")
    stream = await page.evaluate_handle("() => globalThis.CompressionStream")
    if not is_compressed:
        await page.evaluate("() => { delete globalThis.CompressionStream; }")
    await page.evaluate("() => { globalThis.open = (...facts) => { globalThis.opened = facts; }; }")
    try:
        await page.get_by_role("button", name="Open in Mooring").click()
        address, target, features = await (
            await page.wait_for_function("() => globalThis.opened", polling=50)
        ).json_value()
        saved = json.loads(await page.evaluate("() => JSON.stringify(app.rootGraph.serialize())"))
    finally:
        await page.evaluate("(stream) => { delete globalThis.open; delete globalThis.opened; }")
        await page.evaluate("(stream) => { globalThis.CompressionStream = stream; }", stream)
    link = read_link(address.partition("#")[2])
    assert isinstance(link, OpenLink)
    assert ("&deflate=" in address) is is_compressed
    assert json.loads(link.text) == saved
    assert (target, features) == ("_blank", "noopener,noreferrer")


@pytest.mark.asyncio(loop_scope="module")
async def test_too_large_a_workflow_is_offered_as_a_file(editor: Editor) -> None:
    page = editor.page
    await page.evaluate(_DRAW, secrets.token_urlsafe(200_000))
    await page.get_by_role("button", name="Open in Mooring").click()
    await page.get_by_text(f"of at most {LONGEST_OPEN // 1000} kB").wait_for()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Save the workflow as a file").click()
    saved = await (await download.value).path()
    assert json.loads(saved.read_text("utf-8"))["nodes"]
    assert len(page.context.pages) == 1, "nothing was opened"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "mooring", "file:///etc/passwd"])
@pytest.mark.asyncio(loop_scope="module")
async def test_address_that_is_none_is_named(editor: Editor, demo_gateway: Service, address: str) -> None:
    await editor.page.evaluate(_SET, address)
    await editor.page.get_by_role("button", name="Open in Mooring").click()
    await editor.page.get_by_text(f"“{address}” is no address of Mooring").wait_for()
    await editor.page.evaluate(_SET, demo_gateway.url)


def test_folder_adds_no_node_and_one_script() -> None:
    """As ComfyUI imports it: by its path, under a name that is no identifier."""
    spec = importlib.util.spec_from_file_location(str(FOLDER), FOLDER / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.NODE_CLASS_MAPPINGS == {}
    assert sorted((FOLDER / module.WEB_DIRECTORY).rglob("*")) == [SCRIPT]
