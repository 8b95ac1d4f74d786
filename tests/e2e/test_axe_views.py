"""Every view of the page on a phone: no axe violation in either theme, and no overflow.

One window visits all views in English, Chinese and the pseudo-locale, whose texts are 40 % longer and marked, so that
texts in no catalogue are found. Each is measured in a wide, a narrow and a Chinese font. 360 CSS pixels are also a
window of 720 at 200 % zoom.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.kit.browser.axe import UNMARKED, check_axe
from tests.kit.browser.chromium import open_headless_shell
from tests.kit.browser.windows import BrowserUser, MooringWindow, close_dialogs, open_user, press_in_menu
from tests.kit.browser.work import break_server, demo_servers, paused, quick_workflow
from tests.kit.module_gateways import a_gateway
from tests.kit.services import Service
from tests.toolchain import families

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PHONE = {"width": 360, "height": 740}
NARROWEST = {"width": 320, "height": 640}  # WCAG 1.4.10: no scrolling in two directions
SPACED = "document.body.style.cssText = 'letter-spacing: 0.12em; word-spacing: 0.16em'"  # WCAG 1.4.12
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
EVERY = "details:not([open]) > summary"
SIDEWAYS = "pre, .sheet-scroll, .album-narrowing, .large-stage, select, input, textarea"  # these may scroll or pan

# Elements wider than their container: the page, or anything in it that scrolls or clips.
TOO_WIDE = """(sideways) => {
  const root = document.documentElement;
  const found = root.scrollWidth > root.clientWidth ? [`the page: ${root.scrollWidth}`] : [];
  const isOutside = (box) => box.checkVisibility() && box.getBoundingClientRect().right > root.clientWidth;
  if (found.length) found.push([...document.body.querySelectorAll("*")].find(isOutside)?.outerHTML.slice(0, 120));
  for (const box of document.body.querySelectorAll("*")) {
    if (box.scrollWidth <= box.clientWidth || box.matches(sideways) || !box.checkVisibility()) continue;
    const style = getComputedStyle(box);
    if (style.overflowX === "visible" || style.display === "inline" || style.clipPath !== "none") continue;
    if (style.textOverflow === "ellipsis") continue;
    found.push(`${box.tagName.toLowerCase()}#${box.id}.${box.className}: ${box.scrollWidth} > ${box.clientWidth}`);
  }
  return found;
}"""
IN_FONT = """([font, mono]) => {
  const style = document.documentElement.style;
  style.setProperty("--font", font);
  style.setProperty("--mono", mono);
}"""
# Users have different system fonts: a wide one (Debian's), a narrow one (as wide as Arial), and a Chinese one, which
# also draws the Chinese of a page in one of the others.
CHINESE = ("Noto Sans CJK SC", "Noto Sans Mono CJK SC")
FONTS = (("DejaVu Sans", "DejaVu Sans Mono"), ("Liberation Sans", "Liberation Mono"), CHINESE)
INSTALLED = families()
# Names that were given in English, and keys behind the names of tools.
IN_NO_CATALOGUE = r"Steps \d · Seed 1|Harbour|demo-\d|⟦.*⟧ \([A-Z]\)|Today|Yesterday"  # days are named by the browser
TELL = """(text) => document.dispatchEvent(
  new CustomEvent("mooring-action", { detail: { name: "open-text", facts: { text } } }))"""


@dataclass(frozen=True, slots=True)
class Walk:
    """Steps (name, what to click, what then appears), each checked; a dialog is closed by Escape.

    Other views are left by clicks.
    """

    steps: tuple[tuple[str, str, str], ...]
    leave: tuple[str, ...] = ()


def dialog(name: str, click: str, expected: str, *more: tuple[str, str, str]) -> Walk:
    return Walk(((name, click, f"dialog[open] {expected}"), *more))


def marked(name: str) -> str:
    return f"[data-testid={name}]"


WALKS = (
    Walk((("the form", marked("tab-form"), "#run-button"),)),
    Walk((("a node", "[data-testid=node] button", ".fold-body"),), leave=("[data-testid=node] button",)),
    Walk((("arranging", marked("arrange"), ".arrange-tools"),), leave=(marked("arrange"),)),
    Walk((("now", marked("tab-now"), "#now .row"), ("details", EVERY, "details[open]"))),
    Walk((("a run's menu", "#now [data-testid=menu]", ".menu:popover-open"),), leave=("#now [data-testid=menu]",)),
    Walk((("results", marked("tab-results"), "#results .tile"),)),
    Walk((("the menu of results", "[popovertarget=results-menu]", "#results-menu:popover-open"),),
         leave=("[popovertarget=results-menu]",)),
    Walk((("the menu of a result", ".tile .menu-open", ".tile .menu:popover-open"),), leave=(".tile .menu-open",)),
    dialog("saving", marked("open-saving"), marked("names")),
    dialog("settings", marked("open-settings"), marked("has-keys")),
    dialog("palette", marked("open-palette"), "[role=option]",
           ("console", "[data-command=scripting]", "#script-source")),
    dialog("shortcuts", "[data-action=open-settings]", "[data-action=open-shortcuts]",
           ("shortcuts", "[data-action=open-shortcuts]", marked("shortcuts"))),
    dialog("fleet", "#open-fleet", ".spark"),
    dialog("windows", "#open-windows", ".window-row"),
    dialog("keeping", marked("open-keeping"), marked("delete-all"),
           ("deleting all", marked("delete-all"), marked("confirm-delete-all"))),
    dialog("library", marked("open-library"), marked("open-item"),
           ("naming an item", marked("edit-item"), "[data-action=ask-delete-item]"),
           ("deleting an item", "[data-action=ask-delete-item]", "[data-action=keep-item]")),
    dialog("presets", marked("open-presets"), marked("rename-preset"),
           ("renaming one", marked("rename-preset"), "#preset-new-name"),
           ("leaving it", "[data-action=leave-preset]", marked("delete-preset")),
           ("deleting one", marked("delete-preset"), marked("do-preset"))),
    dialog("many runs", marked("open-many"), "#many-kind-table",
           *((f"many {kind}", f"#many-kind-{kind}", f".segment.is-chosen #many-kind-{kind}")
             for kind in ("table", "seeds", "lines", "grid"))),
    dialog("graph", "#results [data-state=failed] [data-testid=open-graph]", ".box[data-mark=failed]",
           ("a node of it", marked("to-failed"), marked("graph-node"))),
    dialog("graph of the form", marked("open-form-graph"), ".drawing .box"),
    dialog("mask", marked("mask-1-image"), ".mask-paint"),
    dialog("camera", ".camera-live", "#camera-take:enabled"),
    dialog("large", ".result-open", ".large-stage img:not(.is-small)"),
    dialog("giving up", marked("give-up"), marked("confirm-give-up")),
    dialog("cancel mine", marked("ask-cancel-mine"), marked("cancel-mine")),
    dialog("one run", marked("line-edit"), marked("save-edit")),
    dialog("contact sheet", marked("open-sheet"), marked("sheet-cell")),
    Walk((("album", "#results-album", ".cell img"),)),
    Walk((("picked", marked("album-pick-all"), marked("album-compare")),)),
    dialog("compared", marked("album-compare"), "img[src]",
           ("side by side", marked("compare-way"), ".compare-stage:not(.is-slider)")),
    Walk((("picked after comparing", marked("album-pick-all"), marked("album-delete")),
          ("deleting", marked("album-delete"), marked("confirm-delete")))),
    Walk((("latest", "[data-action=album-pick-none]", marked("album-pick-all")),), leave=("#results-latest",)),
)  # fmt: skip

gateway = a_gateway(demo=3)  # its own, since the first two servers are stopped


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def user(gateway: Service) -> AsyncIterator[BrowserUser]:
    """A user whose browser has a camera."""
    async with open_headless_shell(*CAMERA) as browser, open_user(browser, gateway.url) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def window(user: BrowserUser, gateway: Service, photo: Path) -> MooringWindow:
    """A window with some of everything, and work that no longer changes because its servers have stopped."""
    window = await user.open("/?lang=en")
    page = window.page
    await window.wait_for(await window.submit(quick_workflow(), "Harbour"))
    await window.wait_for(await window.submit(failing(), "Storm"))
    await page.evaluate(TELL, '{"1": {"class_type": "EmptyImage", "inputs": {}}}')
    await page.get_by_text("Pasted workflow").first.wait_for()  # it moves other elements, and a click would miss
    await add_grid(window)
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await press_in_menu(page.get_by_test_id("open-presets"))
    await page.locator("#preset-name").fill("A preset with a longer name")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("rename-preset").wait_for()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)  # fields behind a dialog accept no text
    for server in demo_servers(gateway, 2):
        await break_server(server, dead_worker=True)
    await page.get_by_test_id("where").select_option("demo-1")
    await page.get_by_test_id("run-count").fill("4")
    await page.get_by_test_id("run-count").blur()
    await page.get_by_test_id("run").click()
    await expect(page.locator("[data-testid=waiting-item][data-state=waiting]")).to_have_count(2)
    await page.set_viewport_size({**PHONE})
    return window


def failing() -> dict[str, Any]:
    workflow = quick_workflow()
    workflow["3"] = {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "fail_at": 1, "steps": 2}}
    workflow["2"]["inputs"]["images"] = ["3", 0]
    return workflow


async def add_grid(window: MooringWindow) -> None:
    """Add two runs with a contact sheet."""
    page = window.page
    await window.choose_sample("text")
    await page.locator("#field-1-width").fill("192")
    await page.locator("#field-1-height").fill("128")
    await window.plan_grid("1, 2", "1")
    await page.get_by_test_id("many-add").click()
    await page.get_by_test_id("many-dialog").wait_for(state="detached")
    await expect(page.get_by_test_id("sheet-entry")).to_contain_text("2 of 2 done")


def assert_nothing_found(found: list[str]) -> None:
    """Fail with the findings; skip the test if there are none but some fonts are missing."""
    assert not found, "\n".join(found)
    if untried := [font for font, _ in FONTS if font not in INSTALLED]:
        pytest.skip(f"not tried in {', '.join(untried)}, which this machine does not have")


async def check_view(page: Page, name: str, *, with_axe: bool) -> list[str]:
    """Return what is wrong with the current view, in the pseudo-locale also texts that no catalogue has."""
    found: list[str] = []
    if "lang=pseudo" in page.url:
        texts = [text for text in await page.evaluate(UNMARKED) if not re.fullmatch(IN_NO_CATALOGUE, text)]
        found += [f"{name}: not in the catalogue: {text}" for text in texts]
    for font in (CHINESE,) if "lang=zh-CN" in page.url else FONTS:
        if font[0] in INSTALLED:
            await page.evaluate(IN_FONT, font)
            found += [f"{name} in {font[0]}: {finding}" for finding in await page.evaluate(TOO_WIDE, SIDEWAYS)]
    if with_axe:
        try:
            await check_axe(page)
        except AssertionError as error:
            found.append(f"{name}: {error}")
    return found


async def follow(page: Page, walk: Walk, *, with_axe: bool) -> list[str]:
    """Go through a walk, and return what was wrong on the way."""
    found: list[str] = []
    for name, click, expected in walk.steps:
        await page.locator(click).first.wait_for(state="attached")
        aim = page.locator(click) if click == EVERY else page.locator(click).first
        await aim.evaluate_all("(elements) => elements.forEach((element) => element.click())")
        await page.locator(expected).first.wait_for(state="attached")
        found += await check_view(page, name, with_axe=with_axe)
    for click in walk.leave:
        await page.locator(click).first.evaluate("(element) => element.click()")
    await close_dialogs(page)
    return found


@pytest.mark.parametrize(
    ("language", "done"), [("en", "Latest"), ("zh-CN", "最近"), ("pseudo", "⟦")], ids=["en", "zh-CN", "pseudo"]
)
async def test_every_view_is_accessible_and_fits_a_phone(window: MooringWindow, language: str, done: str) -> None:
    page = window.page
    if not page.url.endswith(f"?lang={language}"):
        await page.goto(f"{page.url.partition('?')[0]}?lang={language}")
        await window.ready()
    await expect(page.locator("#results-latest").first).to_contain_text(done)
    await page.get_by_test_id("open-sheet").wait_for(state="attached")
    await page.locator("[data-testid=drop-1-image].has-picture").wait_for(state="attached")
    found = [finding for walk in WALKS for finding in await follow(page, walk, with_axe=language == "en")]
    assert_nothing_found(found)


async def test_first_use_and_first_run_fit_a_phone(user: BrowserUser, gateway: Service) -> None:
    profile = await user.new_profile(viewport={**PHONE})
    first = await MooringWindow.open(profile, f"{user.base}/?lang=pseudo")
    await first.ready()
    found: list[str] = []
    for part in ("form", "now", "results"):
        await first.show(part)
        found += await check_view(first.page, part, with_axe=True)
    await first.show("form")
    await expect(first.page.get_by_test_id("run")).to_be_in_viewport()
    await first.page.set_viewport_size({**NARROWEST})
    await first.page.evaluate(SPACED)
    for part in ("form", "now", "results"):
        await first.show(part)
        found += await check_view(first.page, f"{part}, spaced", with_axe=False)
    await first.page.set_viewport_size({**PHONE})
    await first.page.evaluate("document.body.removeAttribute('style')")
    await first.show("form")
    await first.page.get_by_test_id("where").select_option("demo-3")
    async with paused(*demo_servers(gateway)):
        prompt_id = await first.run_slow()
        await first.press_on(first.card(prompt_id), "opens")
        found += await check_view(first.page, "a running task", with_axe=True)
        await first.press_cancel(prompt_id)
    await profile.close()
    assert_nothing_found(found)
