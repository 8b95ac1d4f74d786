"""One state of the command that takes pictures of every state (`python -m tests.screens`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser

from tests.screens.backdrop import open_backdrop
from tests.screens.shooting import SIZES, Wanted, shoot

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]


async def test_screenshot_is_taken_in_every_width(browser: Browser, tmp_path: Path) -> None:
    wanted = Wanted(states=("running",), themes=("dark",))
    with open_backdrop(tmp_path / "fleet") as (fleet, gateway):
        taken = [path async for path in shoot(browser, fleet, gateway, wanted, tmp_path)]
    assert [path.name for path in taken] == [f"running-dark-{width}.png" for width in (1440, 900, 360)]
    for path in taken:
        with Image.open(path) as picture:
            assert picture.size == (picture.width, SIZES[picture.width])
            assert len(picture.convert("RGB").getcolors(2**24) or []) > 1000, "a page with a preview in it"
            edge = picture.convert("L").getpixel((2, picture.height // 2))
            assert isinstance(edge, int) and edge < 64, "the dark theme"
