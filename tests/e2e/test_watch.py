"""An error in a window fails its test, which every other end-to-end test relies on."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.kit.browser.chromium import BARE
from tests.kit.browser.windows import open_user
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

CONSOLE = "() => console.error('on the rocks')"
UNCAUGHT = "() => new Promise((done) => setTimeout(() => { setTimeout(done); throw new Error('on the rocks'); }))"
FETCHED = "() => fetch('http://127.0.0.1:9/').catch(() => null)"
SOCKET = "() => new Promise((done) => { new WebSocket('ws://127.0.0.1:9/').onerror = () => done(); })"


async def _run(browser: Browser, base: str, script: str, *expected: str) -> None:
    async with open_user(browser, base) as user:
        user.watch.expected += [*expected, r"/favicon\.ico"]  # a bare document has no icon
        await user.new_profile(bypass_csp=True)  # the page's own policy would block a foreign request
        window = await user.open(BARE, is_ready=False)
        await window.page.evaluate(script)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (CONSOLE, "console: on the rocks"),
        (UNCAUGHT, "uncaught: .*on the rocks"),
        (FETCHED, r"foreign request: http://127\.0\.0\.1:9/"),
        (SOCKET, r"foreign request: ws://127\.0\.0\.1:9/"),
    ],
    ids=["console", "uncaught", "fetched", "socket"],
)
async def test_error_in_a_window_fails_its_test(browser: Browser, gateway: Service, script: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        await _run(browser, gateway.url, script)


async def test_expected_error_fails_no_test(browser: Browser, gateway: Service) -> None:
    await _run(browser, gateway.url, CONSOLE, "rocks")


async def test_no_pattern_excuses_a_foreign_request(browser: Browser, gateway: Service) -> None:
    with pytest.raises(AssertionError, match=r"foreign request: http://127\.0\.0\.1:9/"):
        await _run(browser, gateway.url, FETCHED, ".*")
