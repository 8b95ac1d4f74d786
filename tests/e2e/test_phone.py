"""On a phone one part of the page is visible at a time, and the page follows the work."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.browser_kit import wait_for_js
from tests.e2e.window_kit import BrowserUser

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
# The share of the window that is covered at its foot, and controls that are too small for a finger.
FOOT = """() => {
  const small = [...document.querySelectorAll("#run :is(.button, select, input), #tabs button")]
    .filter((item) => item.checkVisibility() && (item.offsetWidth < 44 || item.offsetHeight < 44))
    .map((item) => item.outerHTML);
  return [innerHeight - document.getElementById("run").getBoundingClientRect().top, small];
}"""
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"


async def test_page_follows_the_work_from_form_to_result(user: BrowserUser) -> None:
    await user.new_profile(**PHONE)
    window = await user.open()
    page = window.page
    form, now, results = (page.get_by_test_id(f"tab-{part}") for part in ("form", "now", "results"))
    await expect(form).to_have_attribute("aria-current", "true")
    await expect(page.locator("#now, #results")).to_have_count(2)
    await expect(page.locator("#now")).to_be_hidden()
    await window.choose_sample("text")
    covered, too_small = await page.evaluate(FOOT)
    assert covered <= 110, "the form has the rest of the 740"
    assert too_small == []
    await page.locator("#where option").last.evaluate("(option) => { option.disabled = true; }")  # it is down
    await expect(page.locator("#where")).to_be_visible()
    await page.evaluate("scrollTo(0, 120)")
    await page.get_by_test_id("run").tap()
    await expect(now).to_have_attribute("aria-current", "true")
    await expect(page.locator("#form")).to_be_hidden()
    await expect(now.locator(".tab-badge")).to_have_text("1")
    await expect(results).to_have_attribute("aria-current", "true")
    await page.locator("#results [data-testid=task-card][data-state=succeeded] .tile").wait_for()
    await form.tap()
    await wait_for_js(page, "scrollY === 120")
    assert await page.evaluate(WIDTH) == 360

    await page.get_by_test_id("run").tap()
    await form.tap()
    await expect(results).to_have_class("tab has-news")
    await expect(form).to_have_attribute("aria-current", "true")
    await results.tap()
    await expect(results).not_to_have_class("tab has-news")
    await window.reload()
    await expect(results).to_have_attribute("aria-current", "true")

    await now.tap()
    await page.keyboard.press("Control+K")
    await page.keyboard.type("results jump")
    await page.keyboard.press("Enter")
    await expect(results).to_have_attribute("aria-current", "true")
    assert await page.evaluate("document.activeElement.id") == "results"
    await page.set_viewport_size({"width": 900, "height": 740})
    await expect(page.locator("#form")).to_be_visible()
    await expect(page.locator("#now")).to_be_visible()
    await expect(form).to_be_hidden()
