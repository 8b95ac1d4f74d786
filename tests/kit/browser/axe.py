"""axe on a page where nothing moves, where each violation fails the test, and texts that no catalogue has."""

from __future__ import annotations

import json
from typing import Literal

from playwright.async_api import Page

from tests.kit.services import ROOT

AXE = next(
    (
        path
        for path in (ROOT / "static/vendor/test/axe.min.js", ROOT / "node_modules/axe-core/axe.min.js")
        if path.exists()
    ),
    None,
)


# Bring what moves to its end, except animations without an end, such as an indeterminate bar. An inherited colour that
# arrives may move others.
FINISH = """() => {
  const isMoving = (item) => item.playState === "running" && item.effect.getTiming().iterations !== Infinity;
  const moving = () => document.getAnimations().filter(isMoving);
  for (let items = moving(); items.length; items = moving()) items.forEach((item) => item.finish());
}"""

# Behind an open dialog nothing can be reached, and it was checked before the dialog opened.
RUN = """(only) => axe.run([...document.querySelectorAll("dialog:modal")].at(-1) ?? document, {
  resultTypes: ["violations"], ...(only.length ? { runOnly: { type: "rule", values: only } } : {}),
})"""
OF_COLOUR = ("color-contrast", "link-in-text-block")  # rules that depend on the theme

# Every text, title and accessible name that is neither marked by the pseudo-locale nor user data.
UNMARKED = r"""() => {
  const strip = (text) => {
    for (let before = ""; before !== text;) { before = text; text = text.replace(/⟦[^⟦⟧]*⟧/g, ""); }
    return text;
  };
  const isOwn = (element) => element.closest("[translate=no], script, noscript, title");
  const isSaid = (element) => element.closest("[data-t]") ? element.checkVisibility() : true;
  const found = [];
  const look = (text, element) => {
    const left = strip(text).replace(/[\d.,]+\s?(byte|kB|MB|GB|AM|PM)/g, "");
    if (/\p{L}/u.test(left) && !isOwn(element) && isSaid(element)) found.push(text.trim());
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) look(walker.currentNode.data, walker.currentNode.parentElement);
  for (const element of document.body.querySelectorAll("[title], [aria-label], [alt], [placeholder]"))
    for (const name of ["title", "aria-label", "alt", "placeholder"]) look(element.getAttribute(name) ?? "", element);
  return found;
}"""

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, Theme] = ("light", "dark")


async def check_axe(page: Page) -> None:
    """Finish what moves, and fail on violations in either theme. The theme is restored."""
    assert AXE is not None, "axe-core is not there: python3 -m tests fetches it"
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    is_dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    first, last = THEMES if is_dark else THEMES[::-1]
    violations = await _violations(page, first) + await _violations(page, last, only=OF_COLOUR)
    assert not violations, json.dumps(violations, indent=1)


async def _violations(page: Page, theme: Theme, only: tuple[str, ...] = ()) -> list[tuple[str, str, list[str]]]:
    await page.emulate_media(color_scheme=theme)
    await page.evaluate(FINISH)
    found = await page.evaluate(RUN, only)
    return [(theme, item["id"], [node["html"][:200] for node in item["nodes"]]) for item in found["violations"]]
