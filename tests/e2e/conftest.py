"""Fixtures for end-to-end tests: a gateway with a demo fleet, one Chromium, and a user whose windows may have no error.

    async def test_something(user):
            window = await user.open()                  # Mooring, ready for work
        await window.run_slow()

Tests that need no fresh window share one of their module: `async def test_something(window)`.

A module with a fleet of its own overrides the fixture `gateway` with one of `tests/kit/module_gateways.py`; its `user`
then works at that gateway. A module's `FIRST_SCRIPT` runs in each window before the page's own scripts, in place of the
usual one, and its `PROFILE` holds options of all profiles, as of a phone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.kit.browser.chromium import load_python, open_headless_shell
from tests.kit.browser.faults import Fleet, KillableGateway, start_fleet
from tests.kit.browser.windows import FIRST_SCRIPT, PATIENCE, BrowserUser, MooringWindow, SharedWindow, Watch, open_user
from tests.kit.browser.work import make_photo
from tests.kit.services import Service, start_demo, start_gateway, start_gateway_to

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def gateway() -> Iterator[Service]:
    """A gateway with three demo servers."""
    with start_gateway(demo=3) as service:
        yield service


@pytest.fixture(scope="module")
def two_servers() -> Iterator[tuple[Service, Service]]:
    """Two demo servers that take no time for their steps."""
    with start_demo("--step-seconds", "0") as one, start_demo("--step-seconds", "0") as two:
        yield one, two


@pytest.fixture(scope="module")
def gateway_to_two(two_servers: tuple[Service, Service]) -> Iterator[Service]:
    """A gateway to these, as `a` and `b`."""
    with start_gateway_to(a=two_servers[0], b=two_servers[1]) as service:
        yield service


@pytest.fixture(scope="module")
def module_fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Servers for a whole module: its `SERVERS`, as slow as its `STEP_SECONDS` says."""
    servers = getattr(request.module, "SERVERS", ("a", "b"))
    step_seconds = getattr(request.module, "STEP_SECONDS", 0.05)
    with start_fleet(tmp_path_factory.mktemp("fleet"), *sorted(servers), step_seconds=step_seconds) as opened:
        yield opened


@pytest.fixture
def fleet(module_fleet: Fleet) -> Fleet:
    """The servers of a module, reset to their initial state."""
    module_fleet.reset()
    return module_fleet


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests without special requirements."""
    async with open_headless_shell() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def user(request: pytest.FixtureRequest, browser: Browser, gateway: Service) -> AsyncIterator[BrowserUser]:
    """A user who opens windows; any error in one of them fails the test."""
    async with open_user(browser, gateway.url, **module_options(request)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_user(request: pytest.FixtureRequest, browser: Browser, gateway: Service) -> AsyncIterator[BrowserUser]:
    """The user of a module's shared window."""
    async with open_user(browser, gateway.url, **module_options(request)) as opened:
        yield opened


def module_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what a module wants of its windows."""
    module = request.module
    return {"first_script": getattr(module, "FIRST_SCRIPT", FIRST_SCRIPT), "profile": getattr(module, "PROFILE", {})}


@pytest.fixture(scope="module")
def shared_window(module_user: BrowserUser) -> SharedWindow:
    """The window of a whole module. A window costs more processor time than most of what a test does in it."""
    return SharedWindow(module_user)


@pytest_asyncio.fixture(loop_scope="session")
async def window(request: pytest.FixtureRequest, shared_window: SharedWindow) -> AsyncIterator[MooringWindow]:
    """The module's window, tidy; any error in it during the test fails the test."""
    failed = request.session.testsfailed
    yield await shared_window.begin()
    await shared_window.end(has_failed=request.session.testsfailed > failed)


@pytest.fixture
def page(window: MooringWindow) -> Page:
    """The page of the module's window."""
    return window.page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def python(browser: Browser, gateway: Service) -> AsyncIterator[Page]:
    """A bare document with Python, for checks that need only one."""
    context = await browser.new_context()
    watch = Watch(gateway.url, r"/favicon\.ico$")  # a bare document has no icon
    watch.attach(context)
    page = await context.new_page()
    await load_python(page, gateway.url)
    yield page
    await context.close()
    watch.check()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture in place of a photo."""
    return make_photo(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def module_gateway(module_fleet: Fleet) -> Iterator[KillableGateway]:
    """A gateway that can be killed, for the whole module."""
    started = KillableGateway(module_fleet)
    try:
        yield started
    finally:
        started.kill()


@pytest.fixture
def killable_gateway(module_gateway: KillableGateway, fleet: Fleet) -> KillableGateway:
    """That gateway, which runs, and so do its servers."""
    module_gateway.reset()
    return module_gateway
