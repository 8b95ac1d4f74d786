"""One Chromium for each module that compares with ComfyUI's own page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.kit.browser.chromium import open_headless_shell


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_headless_shell() as opened:
        yield opened
