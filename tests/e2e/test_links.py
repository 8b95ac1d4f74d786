"""Links into the page and versions of a workflow, in a real browser: the address, the form, the clipboard."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, press_in_menu
from tests.kit.browser.work import demo_servers, paused
from tests.kit.services import Service, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

SCENE = "#field-1-text"
# Typed in the same moment in which the link is followed: its text is only read when the frame that shows it is painted.
TYPE_AND_FOLLOW = """(field, [text, link]) => {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  location.hash = link;
}"""
STUDIO = "published:team/studio.json"


def sampler(text: str, steps: int = 2) -> dict[str, Any]:
    inputs = {"text": text, "seed": 7, "steps": steps, "width": 96, "height": 64}
    return {
        "1": {"class_type": "DemoSampler", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "linked"}},
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("published")
    fields = [{"node": "1", "input": "text", "kind": "text", "label": "Scene"}]
    studio = {"v": 1, "title": "Studio", "about": "", "fields": fields, "workflow": sampler("by the author")}
    (folder / "team").mkdir()
    (folder / "team/studio.json").write_text(json.dumps(studio))
    with start_gateway("--workflows", str(folder), demo=1) as service:
        yield service


async def follow(window: MooringWindow, link: str) -> None:
    """Follow a link in the window's own address, and wait until the address has lost it."""
    await window.page.evaluate("(link) => { location.hash = link; }", link)
    await wait_for_js(window.page, "() => !location.href.includes('#')")


async def test_link_fills_in_the_form_once_and_is_undone(window: MooringWindow) -> None:
    page = window.page
    await follow(window, "workflow=team/studio&Scene=rain%20at%20dusk&1.steps=3&1.nothing=x&%3Cimg%20src=x%3E=y")
    await expect(page.locator(SCENE)).to_have_value("rain at dusk")
    linked = page.get_by_test_id("linked")
    await expect(linked).to_contain_text("Scene")
    await expect(page.get_by_test_id("link-refused").locator("li")).to_have_count(2)
    await expect(page.get_by_test_id("from-link").first).to_be_visible()
    await check_axe(page)
    assert await linked.locator("img").count() == 0
    assert await window.call("windowLockedServer") is None
    await page.locator(SCENE).evaluate(TYPE_AND_FOLLOW, ["my own words", "workflow=team/studio&Scene=fog"])
    await expect(page.locator(SCENE)).to_have_value("fog")
    await page.get_by_test_id("undo-link").click()
    await expect(page.locator(SCENE)).to_have_value("my own words")
    await expect(linked).to_have_count(0)
    await follow(window, "workflow=..%2F..%2Fetc%2Fpasswd")
    await expect(page.locator("#errors [data-testid=notice]")).to_contain_text("etc/passwd")
    await expect(page.locator(SCENE)).to_have_value("my own words")
    await page.locator("#errors [data-action=dismiss-notice]").click()


def opening(title: str, workflow: bytes) -> str:
    """Return a link with a whole workflow."""
    return f"open={title}&deflate={base64.urlsafe_b64encode(zlib.compress(workflow)).decode().rstrip('=')}"


async def test_whole_workflow_is_erased_at_once_and_opened(user: BrowserUser) -> None:
    profile = await user.new_profile()
    link = opening("Blue%20hour", json.dumps(sampler("a pier at dusk", 3)).encode())
    note = "document.addEventListener('readystatechange', () => { globalThis.seen ??= location.href; });"
    await profile.add_init_script(note)
    window = await MooringWindow.open(profile, f"{user.base}/?private#{link}")
    assert await window.page.evaluate("() => seen") == f"{user.base}/", "before any module has run"
    await window.ready()
    await expect(window.page.locator(SCENE)).to_have_value("a pier at dusk")
    await expect(window.page.get_by_test_id("linked")).to_contain_text("are from a link")
    await check_axe(window.page)
    assert await window.call("windowTasks") == []
    assert await window.call("windowLockedServer") is None
    await follow(window, opening("Noon", json.dumps(sampler("the pier at noon", 4)).encode()))
    await expect(window.page.locator(SCENE)).to_have_value("the pier at noon")
    await window.page.get_by_test_id("undo-link").click()
    await expect(window.page.locator(SCENE)).to_have_value("a pier at dusk")
    await window.check()


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("open=x&deflate=AAAA", "no link that Mooring can follow"),
        (opening("x", b" " * 40_000_000), "The workflow in the link is too large"),
        (f"open=x&json={'e' * 300_000}", "The workflow in the link is too large"),
        (opening("x", b"<script>alert(1)</script>"), "x.json"),
        (opening("x", b'{"1": {"class_type": "DemoSampler"'), "x.json"),
    ],
)
async def test_whole_workflow_that_cannot_be_opened_is_refused_in_a_sentence(
    window: MooringWindow, link: str, words: str
) -> None:
    before = await window.page.locator("#workflow-title").inner_text()
    await follow(window, link)
    notice = window.page.locator("#errors [data-testid=notice]")
    await expect(notice).to_contain_text(words)
    assert await window.page.locator("#workflow-title").inner_text() == before
    await notice.locator("[data-action=dismiss-notice]").click()
    await expect(notice).to_have_count(0)


async def test_link_leaves_running_work_and_an_open_dialog_alone(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    await window.choose_small_text()
    async with paused(*demo_servers(gateway, 1)):
        prompt_id = await window.press_run()
        await window.wait_state(prompt_id, "running")
        before = await window.call("windowLockedServer")
        assert before
        await press_in_menu(page.get_by_test_id("open-library"))
        await page.locator("#library-query").fill("stu")
        await follow(window, "workflow=team/studio&Scene=snow")
        await expect(page.locator("#library-query")).to_have_value("stu")
        await page.locator("#library [data-action=close-dialog]").click()
        await expect(page.locator(SCENE)).to_have_value("snow")
        assert await window.call("windowLockedServer") == before
        assert len(await window.call("windowTasks.filter((task) => !task.endedAt)")) == 1, "nothing was run"
    await window.wait_state(prompt_id, "succeeded")


async def test_copied_link_opens_in_another_browser(user: BrowserUser, window: MooringWindow) -> None:
    page = window.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await follow(window, "workflow=team/studio")
    await page.locator(SCENE).fill("waves & wind.")
    await press_in_menu(page.get_by_test_id("open-share"))
    await expect(page.get_by_test_id("share-link")).to_have_text(f"{user.base}/#workflow=team/studio")
    await page.get_by_test_id("share-values").check()
    await check_axe(page)
    await expect(page.get_by_test_id("share-link")).to_contain_text("Scene=")
    await page.locator(".share-foot").get_by_test_id("copy").click()
    await wait_for_js(page, "async () => (await navigator.clipboard.readText()).includes('Scene=')")
    link = str(await page.evaluate("() => navigator.clipboard.readText()"))
    await page.locator("#share [data-action=close-dialog]").click()
    prompt_id = await window.press_run()
    await window.wait_for(prompt_id)
    await window.open_large(prompt_id)
    await page.get_by_test_id("copy-link").click()
    await wait_for_js(page, "async () => (await navigator.clipboard.readText()).includes('#result=')")
    result = str(await page.evaluate("() => navigator.clipboard.readText()"))
    assert result == f"{user.base}/#result=demo-1/{prompt_id}/0"

    other = await MooringWindow.open(await user.new_profile(), link)
    await other.ready()
    await expect(other.page.locator(SCENE)).to_have_value("waves & wind.")
    assert other.page.url == f"{user.base}/"
    await follow(other, result.partition("#")[2])
    await other.page.locator("dialog.large img:not(.is-small)").wait_for()
    assert await other.call("windowLockedServer") is None
    await other.close_large()
    await follow(other, f"result=demo-1/{'0' * 8}-0000-4000-8000-{'0' * 12}/0")
    await expect(other.page.locator("#errors [data-testid=notice]")).to_contain_text("no such result for you")
    await other.check()


async def test_changed_file_is_a_version_and_goes_back(window: MooringWindow, tmp_path: Path) -> None:
    page = window.page
    file = tmp_path / "portrait.json"
    for text in ("first", "second"):
        file.write_text(json.dumps(sampler(text)))
        await page.locator("#open-file-input").set_input_files(file)
        await expect(page.locator(SCENE)).to_have_value(text)
    await expect(page.locator("#errors [data-testid=notice]")).to_contain_text("new content")
    await press_in_menu(page.get_by_test_id("open-library"))
    await page.get_by_test_id("show-versions").click()
    await check_axe(page)
    await page.get_by_test_id("go-back").click()
    await window.hold_deletions()
    notice = page.locator("#errors [data-testid=notice]", has_text="earlier version again")
    await notice.wait_for()
    await page.locator("#library [data-action=close-dialog]").click()
    await expect(page.locator(SCENE)).to_have_value("first")
    await notice.get_by_test_id("undo-deletion").click()
    await expect(page.locator(SCENE)).to_have_value("second")
