"""What the end-to-end tests share: a gateway with a demo fleet, one Chromium, and windows that tolerate no fault.

    async def test_something(open_window):
        page = await open_window()                  # Mooring, up and ready
        other = await open_window()                 # another tab of the same browser
        await run_photo(page)

A window fails its test at any console error, any uncaught error and any request to a foreign origin; `allow` names, as
regular expressions, the errors that a test causes on purpose.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page

from tests.e2e.browser_kit import open_chromium
from tests.services import ROOT, Service, start_gateway

READY_MS = 120_000  # a loaded two-core machine that starts several Pythons at once
ARTIFACTS = ROOT / "tests" / "artifacts"


@dataclass
class Faults:
    """What went wrong in a window so far; `allow` are regular expressions of errors that may be."""

    allow: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def watch(self, page: Page, base: str) -> None:
        """Note every console error, uncaught error and foreign request of a page from now on."""

        def check(url: str) -> None:
            if not url.startswith((f"{base}/", "blob:", "data:", f"ws{base.removeprefix('http')}/", "about:")):
                self.found.append(f"foreign request: {url}")

        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        page.on("request", lambda request: check(request.url))
        page.on("websocket", lambda socket: check(socket.url))

    def _console(self, kind: str, text: str) -> None:
        if kind == "error":
            self._note(f"console: {text}")

    def _note(self, fault: str) -> None:
        if not any(re.search(pattern, fault) for pattern in self.allow):
            self.found.append(fault)

    def check(self) -> None:
        """Fail if anything was found."""
        assert not self.found, "\n".join(self.found)


class Opener:
    """Opens windows: tabs of one browser profile per test, unless a test asks for another profile."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.browser, self.base = browser, base
        self.faults: list[Faults] = []
        self._contexts: list[BrowserContext] = []

    async def new_profile(self, **options: Any) -> BrowserContext:
        """A browser profile of its own, with its own storage."""
        context = await self.browser.new_context(
            **{"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options}
        )
        self._contexts.append(context)
        return context

    async def __call__(
        self,
        path: str = "/",
        *,
        base: str = "",
        profile: BrowserContext | None = None,
        allow: Sequence[str] = (),
        is_ready: bool = True,
    ) -> Page:
        """A window of Mooring, ready for work unless `is_ready` is False."""
        context = profile or (self._contexts[0] if self._contexts else await self.new_profile())
        page = await context.new_page()
        page.set_default_timeout(READY_MS)
        faults = Faults(list(allow))
        self.faults.append(faults)
        faults.watch(page, base or self.base)
        await page.goto(f"{base or self.base}{path}")
        if is_ready:
            await wait_ready(page)
        return page

    async def close(self) -> None:
        """Close every window."""
        for context in self._contexts:
            await context.close()


async def wait_ready(page: Page) -> None:
    """Wait until the window has read its records and drawn itself."""
    await page.wait_for_function(
        "window.mooring && document.body.matches(':not(.is-booting), .has-failed')", timeout=READY_MS
    )
    assert not await page.locator("#boot-failure").is_visible(), await page.inner_text("#boot-failure")
    await page.evaluate("mooring.ready")


async def choose_sample(page: Page, sample_id: str) -> None:
    """Choose a workflow in the picker."""
    await page.locator(f"#pick-{sample_id}").check(force=True)
    await page.locator(f"#fields-{sample_id}").wait_for()


async def put_picture(page: Page, file: Path, field_id: str = "1-image") -> None:
    """Put a picture into a field, and wait until it has been looked at."""
    await page.locator(f"[data-testid=drop-{field_id}] input").set_input_files(file)
    await page.locator(f"[data-testid=drop-{field_id}].has-picture").wait_for()


async def press_run(page: Page) -> str:
    """Press Run, and wait for the new task's card: its prompt_id."""
    cards = "[...document.querySelectorAll('[data-testid=task-card]')].map((card) => card.dataset.promptId)"
    before = await page.evaluate(cards)
    await page.locator("[data-testid=run]:enabled").click()
    found = await page.wait_for_function(f"(before) => {cards}.find((id) => !before.includes(id))", arg=before)
    return str(await found.json_value())


def card(prompt_id: str, state: str = "") -> str:
    """The selector of a task's card, in that state if one is named."""
    return f'[data-testid=task-card][data-prompt-id="{prompt_id}"]' + (f'[data-state="{state}"]' if state else "")


async def run_photo(page: Page, file: Path) -> str:
    """The main job: a photo goes in, and its result comes out. The task's prompt_id."""
    await choose_sample(page, "enlarge")
    await put_picture(page, file)
    prompt_id = await press_run(page)
    await page.locator(f'{card(prompt_id, "succeeded")} [data-testid=result][data-delivery="kept"] img').wait_for()
    return prompt_id


@pytest.fixture(scope="session")
def gateway() -> Iterator[Service]:
    """A gateway with three demo servers."""
    with start_gateway(demo=3) as service:
        yield service


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests that need nothing special of it."""
    async with open_chromium() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def open_window(browser: Browser, gateway: Service) -> AsyncIterator[Opener]:
    """Opens windows, and fails the test at any fault in one of them."""
    opener = Opener(browser, gateway.url)
    yield opener
    await opener.close()
    for faults in opener.faults:
        faults.check()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture that stands for a photo."""
    file = tmp_path_factory.mktemp("pictures") / "dunes.png"
    wide, high = 320, 214
    image = Image.new("RGB", (wide, high))
    image.putdata(
        [
            (40 + 180 * y // high, 90 + 60 * x // wide, 150 - 80 * y // high + (25 if (x // 24 + y // 18) % 2 else 0))
            for y in range(high)
            for x in range(wide)
        ]
    )
    image.save(file)
    return file
