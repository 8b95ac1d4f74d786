"""The page for those who hear it or enlarge it: announcements, the accessibility tree, 400 % zoom, and large text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.kit.browser import windows
from tests.kit.browser.axe import FINISH
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import MooringWindow, close_dialogs, press_for_result
from tests.kit.browser.work import demo_servers, paused, quick_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ZOOMED: ViewportSize = {"width": 320, "height": 256}  # 1280 × 1024 at 400 %, WCAG 1.4.10
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
LARGE_TEXT = 32  # pixels: the browser's setting for the size of text at 200 %, WCAG 1.4.4

# What a screen reader would say: each text that comes into a live region, and each alert that appears.
FIRST_SCRIPT = f"""{windows.FIRST_SCRIPT}
globalThis.heard = [];
new MutationObserver((changes) => {{
  const LIVE = "[aria-live=polite], [aria-live=assertive], [role=status], [role=alert], [role=log], output";
  const hear = (node) => {{ if (node.textContent.trim()) heard.push(node.textContent.trim()); }};
  for (const {{ target, addedNodes, type }} of changes) {{
    const region = (target.nodeType === 1 ? target : target.parentElement)?.closest(LIVE);
    if (region && !region.closest("dialog:not([open]), [hidden]") && region.id !== "boot") {{
      if (type === "characterData") hear(target);
      for (const node of addedNodes) hear(node);
    }} else {{
      for (const node of addedNodes) {{
        if (node.nodeType !== 1) continue;
        for (const alert of [node, ...node.querySelectorAll("*")]) if (alert.matches("[role=alert]")) hear(alert);
      }}
    }}
  }}
}}).observe(document, {{ subtree: true, childList: true, characterData: true }});
"""

# Controls of the open dialog or the page that cannot be scrolled into view, or are covered when they are.
UNREACHABLE = """(within) => {
  const root = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.querySelector(within);
  const found = [];
  const controls = "a[href], button, input:not([type=range], .visually-hidden), select, textarea, summary";
  for (const control of root.querySelectorAll(controls)) {
    if (!control.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || control.disabled) continue;
    if (control.closest(".album-grid, #album-overs, .film, .skip, .visually-hidden, .tile-foot, svg")) continue;
    control.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = control.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const name = control.ariaLabel || control.textContent.trim() || control.id;
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const top = document.elementFromPoint(x, y);
    if (box.left < -1 || box.right > innerWidth + 1) found.push(`${name} is cut off: ${box.left} to ${box.right}`);
    else if (!top || !(control.contains(top) || top.contains(control) || top.closest("label")?.control === control))
      found.push(`${name} at ${Math.round(x)}, ${Math.round(y)} is under ${top?.outerHTML.slice(0, 80)}`);
  }
  return found;
}"""
# Labels of the open dialog or the page that are wider or higher than their place.
CUT = """(within) => {
  const root = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.querySelector(within);
  return [...root.querySelectorAll(".button:not(.icon-only), h2, label, summary, .tab, .segment")].filter((item) =>
    item.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !item.closest(".visually-hidden") &&
    item.clientWidth > 2 && (item.scrollWidth > item.clientWidth + 2 || item.scrollHeight > item.clientHeight + 4)
  ).map((item) => `${item.textContent.trim().slice(0, 40)} is cut off`);
}"""
# How much of the window is taken by what does not scroll with the page.
COVERED = """() => [...document.body.querySelectorAll("*")].filter((item) =>
  ["fixed", "sticky"].includes(getComputedStyle(item).position) && item.checkVisibility() && !item.closest("dialog")
).reduce((sum, item) => sum + item.getBoundingClientRect().height * (item.offsetWidth > 1), 0) / innerHeight"""


async def heard(page: Page) -> list[str]:
    return list(await page.evaluate("heard"))


async def wait_heard(page: Page, words: str) -> None:
    await wait_for_js(page, "(words) => heard.some((text) => text.includes(words))", arg=words)


async def forget(page: Page) -> None:
    """Wait until nothing is about to be said, and forget what was."""
    await page.evaluate("new Promise((done) => setTimeout(done, 400)).then(() => { heard.length = 0; })")


async def tree(page: Page, within: str) -> list[dict[str, Any]]:
    """Return what the browser tells a screen reader about an element and what is in it: a role, name and state each."""
    session = await page.context.new_cdp_session(page)
    document = await session.send("DOM.getDocument", {"depth": 0})
    place = await session.send("DOM.querySelector", {"nodeId": document["root"]["nodeId"], "selector": within})
    found = await session.send("Accessibility.queryAXTree", {"nodeId": place["nodeId"]})
    await session.detach()
    return [
        {
            "role": node["role"]["value"],
            "name": node.get("name", {}).get("value", ""),
            "description": node.get("description", {}).get("value", ""),
            **{item["name"]: item["value"].get("value") for item in node.get("properties", ())},
        }
        for node in found["nodes"]
        if not node["ignored"]
    ]


def named(nodes: list[dict[str, Any]], role: str) -> list[str]:
    return [node["name"] for node in nodes if node["role"] == role]


async def add_results(window: MooringWindow) -> None:
    """Make a contact sheet of two pictures, unless the window has one."""
    page = window.page
    if await page.get_by_test_id("open-sheet").count():
        return
    await window.choose_sample("text")
    await page.locator("#field-1-width").fill("192")
    await page.locator("#field-1-height").fill("128")
    await window.plan_grid("1, 2", "1")
    await page.get_by_test_id("many-add").click()
    await page.get_by_test_id("many-dialog").wait_for(state="detached")
    await expect(page.get_by_test_id("sheet-entry")).to_contain_text("2 of 2 done")
    await page.locator(".tile img[src]").nth(1).wait_for()


async def test_each_change_of_a_run_is_announced_once(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    await forget(page)
    async with paused(*demo_servers(gateway)):
        prompt_id = await window.run_slow()
        await wait_heard(page, ": Running")
        await window.press_cancel(prompt_id)
    await wait_heard(page, ": Stopped")
    done = await window.submit(quick_workflow(), "Harbour")
    await window.wait_for(done)
    await wait_heard(page, "Harbour on")
    storm = quick_workflow()
    storm["3"] = {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "fail_at": 1, "steps": 2}}
    storm["2"]["inputs"]["images"] = ["3", 0]
    await window.wait_for(await window.submit(storm, "Storm"))
    await wait_for_js(page, "() => heard.some((text) => /^Storm on .*(fail|Fail)/.test(text))")
    counts = Counter(await heard(page))
    assert set(counts.values()) == {1}, counts
    assert [text for text in counts if text.startswith("Harbour on") and text.endswith(": Finished")], counts


async def test_messages_are_announced_once_also_behind_dialogs(window: MooringWindow) -> None:
    page = window.page
    await add_results(window)
    await forget(page)
    await window.choose_sample("text")
    await page.locator("#field-1-width").press_sequentially("99999")
    await page.locator("#field-1-width-fault").wait_for()
    await forget(page)
    await page.locator("#field-1-width").fill("192")
    await page.locator("#field-1-width-fault").wait_for(state="detached")
    await page.locator("#field-1-width").fill("9999999")
    await page.locator("#field-1-width").press("9")
    fault = (await page.locator("#field-1-width-fault").inner_text()).strip()
    await wait_heard(page, fault[:20])
    await page.locator("#field-1-width").fill("192")
    await press_for_result(page.locator(".tile").first, "album-ask-delete")
    await window.hold_deletions()
    await wait_heard(page, "deleted, with its results.")
    await page.get_by_test_id("open-settings").click()
    await page.locator("dialog[open] #live").wait_for(state="attached")
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")
    await page.get_by_test_id("open-palette").click()
    await page.get_by_test_id("palette-query").press_sequentially("library")
    count = "document.getElementById('palette-count').innerText"
    await wait_for_js(page, f"() => heard.some((text) => text.includes({count}))")
    found = await page.evaluate(count)
    await page.get_by_test_id("palette-query").fill("zzz")
    await wait_for_js(page, f"(found) => {count} !== found && heard.includes({count})", arg=found)
    said = await page.locator("dialog[open] #live p").all_inner_texts()
    assert said[-2:] == [found, await page.evaluate(count)], "what is outside of a dialog, or removed, is silent"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("undo-deletion").click()
    await page.get_by_test_id("undo-deletion").wait_for(state="detached")
    counts = Counter(await heard(page))
    assert sum(count for text, count in counts.items() if "deleted, with its results." in text) == 1, counts
    assert sum(count for text, count in counts.items() if fault[:20] in text) == 1, counts


async def test_form_is_read_with_labels_states_and_faults(window: MooringWindow, photo: Path) -> None:
    page = window.page
    await window.choose_sample("enlarge")
    (file,) = [node for node in await tree(page, "#field-1-image") if node["role"] == "button"]
    assert (file["name"], "Drop a picture here" in file["description"]) == ("Photo", True)
    await forget(page)
    await window.put_picture(photo)
    await wait_heard(page, photo.name)
    (file,) = [node for node in await tree(page, "#field-1-image") if node["role"] == "button"]
    assert photo.name in file["description"] and "320 × 214" in file["description"]
    await window.choose_sample("text")
    await page.locator("#field-1-width").fill("99999999")
    await page.locator("#field-1-width-fault").wait_for()
    nodes = await tree(page, "#form")
    controls = [node for node in nodes if node["role"] in {"textbox", "spinbutton", "combobox", "slider", "switch"}]
    assert [node for node in controls if not node["name"]] == []
    (width,) = [node for node in controls if node["name"] == "Width"]
    assert width["invalid"] == "true"
    assert (await page.locator("#field-1-width-fault").inner_text()).strip() in width["description"]
    assert "Seed After each run" in named(nodes, "combobox"), named(nodes, "combobox")
    assert "Text to picture" in named(nodes, "group")
    await page.locator("#field-1-width").fill("192")
    prompt = page.locator("#field-1-text")
    await prompt.fill("lake at dawn")
    await page.keyboard.press("Control+ArrowUp")
    await wait_heard(page, "(dawn:1.05)")


async def test_sheet_and_comparison_are_usable_without_seeing(window: MooringWindow) -> None:
    page = window.page
    await add_results(window)
    await page.get_by_test_id("open-sheet").first.press("Enter")
    await page.get_by_test_id("sheet-cell").first.wait_for()
    sheet = await tree(page, "dialog.sheet")
    assert named(sheet, "table") == ["Text to picture"]
    assert named(sheet, "columnheader") == ["Steps 1", "Steps 2"]
    assert named(sheet, "rowheader") == ["Seed 1"]
    buttons = named(sheet, "button")
    assert {"Show large: Steps 1 · Seed 1", "Show large: Steps 2 · Seed 1"} <= set(buttons), buttons
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")
    await page.locator(".tile [data-action=album-compare]").first.evaluate("(button) => button.click()")
    await page.get_by_test_id("compare-dialog").locator("img[src]").first.wait_for()
    compared = await tree(page, "#compare")
    assert named(compared, "figure")[:2] == ["First", "Second"]
    assert named(compared, "slider") == ["How much of the first is seen"]
    await expect(page.locator("#compare-slider")).to_have_attribute("aria-valuetext", "50%")
    await page.locator("#compare-slider").press("ArrowRight")
    await expect(page.locator("#compare-slider")).to_have_attribute("aria-valuetext", "51%")
    await page.locator("#compare-differences summary").click()
    facts = await tree(page, "#compare-differences")
    assert named(facts, "columnheader") == ["Setting", "First", "Second"]
    assert [name.split()[0] for name in named(facts, "rowheader")] == ["Steps"]
    assert sorted(named(facts, "cell")) == ["1", "2"]
    await page.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("size", "text"),
    [(ZOOMED, 16), (DESKTOP, LARGE_TEXT), (PHONE, LARGE_TEXT)],
    ids=["zoomed", "large text", "large text on a phone"],
)
async def test_everything_is_reachable_when_enlarged(
    window: MooringWindow, photo: Path, size: ViewportSize, text: int
) -> None:
    page = window.page
    await add_results(window)
    await window.choose_sample("enlarge")
    await window.put_picture(photo)
    await page.set_viewport_size(size)
    browser = await page.context.new_cdp_session(page)
    await browser.send("Page.setFontSizes", {"fontSizes": {"standard": text, "fixed": text}})
    found: list[str] = []
    for part in ("form", "now", "results"):
        await window.show(part)
        found += [f"{part}: {finding}" for finding in await page.evaluate(CUT, "body")]
        covered = await page.evaluate(COVERED)
        found += [f"{part}: {covered:.0%} of the window is covered"] if covered > 1 / 3 else []
        found += [f"{part}: {finding}" for finding in await page.evaluate(UNREACHABLE, "body")]
        too_wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        found += [f"{part}: is wider than the window"] if too_wide else []
    openers = {
        "large": ".result-open",
        "sheet": "[data-testid=open-sheet]",
        "compare": ".tile [data-action=album-compare]",
        "many runs": "[data-testid=open-many]",
        "library": "[data-testid=open-library]",
        "settings": "[data-testid=open-settings]",
        "graph": "[data-testid=open-form-graph]",
        "mask": "[data-testid=mask-1-image]",
        "fleet": "#open-fleet",
        "palette": "[data-testid=open-palette]",
    }
    for name, opener in openers.items():
        await page.locator(opener).first.evaluate("(button) => button.click()")
        await page.locator("dialog[open]").wait_for()
        await page.evaluate(FINISH)  # a drawer slides in
        found += [f"{name}: {finding}" for finding in await page.evaluate(CUT, "body")]
        found += [f"{name}: {finding}" for finding in await page.evaluate(UNREACHABLE, "body")]
        await close_dialogs(page)
    assert not found, "\n".join(found)
