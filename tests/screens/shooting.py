"""Sets up each state once and takes its pictures in every theme and width, in the same page."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.kit.browser.faults import Fleet
from tests.kit.browser.windows import open_user
from tests.kit.services import Service
from tests.screens.backdrop import EXPECTED, Backdrop
from tests.screens.states import STATES, State

THEMES = ("light", "dark")
SIZES = {360: 740, 900: 800, 1440: 900}  # a window's width and height, in CSS pixels

# Wait until transitions to the new size and theme have ended, and every visible picture is decoded.
_AT_REST = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const isMoving = (item) => item.playState === "running" && item.effect.getTiming().iterations !== Infinity;
  while (document.getAnimations().some(isMoving)) await new Promise((done) => requestAnimationFrame(done));
  await Promise.all([...document.images].map((image) => image.decode().catch(() => 0)));
}"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pictures to take; by default all. `is_whole` takes the whole page instead of the window."""

    states: tuple[str, ...] = tuple(state.name for state in STATES)
    themes: tuple[str, ...] = THEMES
    widths: tuple[int, ...] = tuple(SIZES)
    languages: tuple[str, ...] = ("en",)
    is_whole: bool = False


async def shoot(browser: Browser, fleet: Fleet, gateway: Service, wanted: Wanted, out: Path) -> AsyncIterator[Path]:
    """Take the pictures, one after the other, and yield each."""
    states = [state for state in STATES if state.name in wanted.states]
    for language, state in product(wanted.languages, states):
        with tempfile.TemporaryDirectory() as folder:
            async with open_user(browser, gateway.url) as user:
                user.watch.expected += EXPECTED
                window = await state.bring(Backdrop(fleet, user, Path(folder), language))
                async for path in _pictures(window.page, state, wanted, out / language):
                    yield path
        if state.is_rough:
            fleet.reset()


async def _pictures(page: Page, state: State, wanted: Wanted, folder: Path) -> AsyncIterator[Path]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for width, theme in _ordered(wanted.widths, wanted.themes):
        await page.set_viewport_size({"width": width, "height": SIZES[width]})
        await page.emulate_media(color_scheme=theme)
        if width == min(SIZES):
            await page.get_by_test_id(f"tab-{state.part}").evaluate("(tab) => tab.click()")
        await page.evaluate(_AT_REST)
        path = folder / f"{state.name}-{theme}-{width}.png"
        await page.screenshot(path=path, full_page=wanted.is_whole)
        yield path


def _ordered(widths: Iterable[int], themes: Iterable[str]) -> Iterable[tuple[int, str]]:
    """Order them with the widest first, since the page was opened at that width."""
    return product(sorted(widths, reverse=True), themes)
