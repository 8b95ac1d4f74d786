"""axe, run on a page as it stands: anything that it finds fails the test."""

from __future__ import annotations

import json

from playwright.async_api import Page

from tests.services import ROOT

AXE = next(
    (
        path
        for path in (ROOT / "static/vendor/test/axe.min.js", ROOT / "node_modules/axe-core/axe.min.js")
        if path.exists()
    ),
    None,
)


async def check_axe(page: Page) -> None:
    """Fail with what axe finds, once nothing moves any more."""
    assert AXE is not None, "axe-core is not there: python3 -m tests fetches it"
    await page.evaluate("() => Promise.all(document.getAnimations().map((item) => item.finished.catch(() => 0)))")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    told = [(item["id"], [node["html"][:200] for node in item["nodes"]]) for item in found["violations"]]
    assert not told, json.dumps(told, indent=1)
