"""axe on a page at rest, where each violation fails the test, and texts that no catalogue has."""

from __future__ import annotations

import json
from typing import Literal

from playwright.async_api import Page

from tests.e2e.browser_kit import wait_for_js
from tests.services import ROOT

AXE = next(
    (
        path
        for path in (ROOT / "static/vendor/test/axe.min.js", ROOT / "node_modules/axe-core/axe.min.js")
        if path.exists()
    ),
    None,
)


# Nothing moves any more, except animations without an end, such as an indeterminate bar. This is polled, since the
# `finished` of an animation whose element was removed may stay pending for ever.
AT_REST = """() => document.getAnimations().every(
  (item) => item.playState !== "running" || item.effect.getTiming().iterations === Infinity
)"""

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
    """Wait until nothing moves, and fail on violations in either theme. The theme is restored."""
    assert AXE is not None, "axe-core is not there: python3 -m tests fetches it"
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    is_dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    first, last = THEMES if is_dark else THEMES[::-1]
    violations = await _violations(page, first) + await _violations(page, last, only=OF_COLOUR)
    assert not violations, json.dumps(violations, indent=1)


async def _violations(page: Page, theme: Theme, only: tuple[str, ...] = ()) -> list[tuple[str, str, list[str]]]:
    await page.emulate_media(color_scheme=theme)
    await wait_for_js(page, AT_REST)
    found = await page.evaluate(RUN, only)
    return [(theme, item["id"], [node["html"][:200] for node in item["nodes"]]) for item in found["violations"]]
