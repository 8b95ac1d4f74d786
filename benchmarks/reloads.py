"""How many loads and reloads of the page Chromium's renderer survives: first visits, reloads in mid-run, closed tabs.

    python3 -m benchmarks.reloads [LOADS] [--sampled]      # 2,000 loads unless given

Two browsers work in parallel, as in the test suite, each at a gateway with a demo fleet. A load is one navigation to
the page, even if it is left or closed before the page has started. A crash is what the browser itself reports, with the
signal (`tests/e2e/crash_kit.py`). `--sampled` has Chromium's memory sampler on in every process and often, instead of
in 1% of them: with JSPI on the page (docs/decisions/0092-no-jspi-on-the-page.md) more than half of the loads then
crash. To keep the browser's own log and a core, name a script in `MOORING_CHROMIUM` that enables them. Ctrl+C ends it
after the rounds under way. The exit code is 1 after a crash, or after a round that failed for another reason.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Error, Page

from benchmarks.sections import Load, write_json
from tests.e2e.browser_kit import open_chromium, wait_for_snapshot
from tests.e2e.window_kit import PATIENCE, MooringWindow
from tests.e2e.work_kit import quick_workflow, slow_workflow
from tests.services import start_gateway

LOADS = 2000
BROWSERS = 2
SAMPLED = (
    "--enable-features=GwpAsanMalloc:ProcessSamplingProbability/1/AllocationSamplingMultiplier/100"
    "/AllocationSamplingRange/1/MaxAllocations/2000/MaxMetadata/2048/TotalPages/8192"
)
ROUNDS = 30  # with one browser, before the next one starts
LONGEST = 2.5  # seconds until a page is left, between its first byte and its first run
KEEP_IMMEDIATELY = "globalThis.mooringKeepAfter = 0;"  # a profile on disk keeps the memory snapshot before it is closed


@dataclass
class Tally:
    """The loads and crashes so far, in all browsers."""

    wanted: int
    loads: int = 0
    rounds: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    version: str = ""

    @property
    def is_done(self) -> bool:
        """Return whether there were enough loads."""
        return self.loads >= self.wanted

    def note(self, crash: str) -> None:
        """Count a crash."""
        self.crashes.append(crash)
        print(f"CRASH: {crash}", flush=True)

    def __str__(self) -> str:
        rounds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.rounds.items()))
        return f"{self.loads} loads ({rounds}), {len(self.crashes)} crashes, {len(self.failures)} failed rounds"


@dataclass
class Visitor:
    """A user who opens, reloads and closes tabs of one browser."""

    base: str
    tally: Tally
    dice: random.Random
    flags: tuple[str, ...]  # of the browser

    async def open(self, context: BrowserContext) -> MooringWindow:
        """Open a tab and wait until the page has started."""
        self.tally.loads += 1
        window = await MooringWindow.open(context, self.base)
        await window.ready()
        return window

    async def reload(self, window: MooringWindow) -> None:
        """Reload a tab and wait until the page has started."""
        self.tally.loads += 1
        await window.reload()

    async def begin(self, page: Page) -> None:
        """Begin to load the page, and stop waiting at a random moment."""
        self.tally.loads += 1
        await page.goto(self.base, wait_until="commit")
        await asyncio.sleep(self.dice.uniform(0, LONGEST))

    async def work(self, window: MooringWindow) -> None:
        """Start a run, short or long."""
        await window.submit(self.dice.choice((quick_workflow, slow_workflow))(self.dice.randrange(20, 60)))


async def visit(visitor: Visitor, context: BrowserContext) -> None:
    """Open the page, then reload it in mid-run."""
    window = await visitor.open(context)
    for _ in range(3):
        await visitor.work(window)
        await asyncio.sleep(visitor.dice.uniform(0, LONGEST))
        await visitor.reload(window)


async def several_tabs(visitor: Visitor, context: BrowserContext) -> None:
    """Start and reload several tabs at the same moment."""
    windows = await asyncio.gather(*(visitor.open(context) for _ in range(3)))
    await asyncio.gather(*(visitor.work(window) for window in windows))
    await asyncio.gather(*(visitor.reload(window) for window in windows))


async def leave_early(visitor: Visitor, context: BrowserContext) -> None:
    """Reload or close tabs while they load."""
    page = await context.new_page()
    for _ in range(3):
        await visitor.begin(page)
    await page.close()
    page = await context.new_page()
    await visitor.begin(page)
    await page.close()
    await visitor.open(context)


async def come_back(visitor: Visitor, browser: Browser) -> None:  # noqa: ARG001 - it starts its own browsers
    """Run two browsers in turn on one profile on disk, so that the second starts from the first one's cache."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for _ in range(2):
            async with open_chromium(*visitor.flags, profile=Path(folder), on_crash=visitor.tally.note) as context:
                context.set_default_timeout(PATIENCE)
                await context.add_init_script(KEEP_IMMEDIATELY)
                window = await visitor.open(context)
                await visitor.work(window)
                await visitor.reload(window)
                await visitor.reload(await visitor.open(context))


def in_new_profile(steps: Callable[[Visitor, BrowserContext], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run these steps in a new profile."""

    async def run(visitor: Visitor, browser: Browser) -> None:
        context = await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(PATIENCE)
        try:
            await steps(visitor, context)
        finally:
            await context.close()

    return run


ROUND_KINDS = {
    "visits": in_new_profile(visit),
    "several tabs": in_new_profile(several_tabs),
    "left early": in_new_profile(leave_early),
    "came back": come_back,
}
SHARES = (4, 4, 4, 1)  # of the kinds above


async def use_browsers(visitor: Visitor) -> None:
    """Play rounds in one browser after another, until there were enough loads."""
    while not visitor.tally.is_done:
        async with open_chromium(*visitor.flags, on_crash=visitor.tally.note) as browser:
            visitor.tally.version = browser.version
            for _ in range(ROUNDS):
                if visitor.tally.is_done:
                    break
                (kind,) = visitor.dice.choices(list(ROUND_KINDS), SHARES)
                await play(kind, visitor, browser)


async def play(kind: str, visitor: Visitor, browser: Browser) -> None:
    """Play one round. A failure is noted, and the next round begins."""
    tally = visitor.tally
    before = len(tally.crashes)
    try:
        await ROUND_KINDS[kind](visitor, browser)
    except (Error, AssertionError) as error:
        if len(tally.crashes) == before:
            tally.failures.append(f"{kind}: {error}")
            print(f"FAILED: {tally.failures[-1]}", flush=True)
    tally.rounds[kind] += 1
    if tally.rounds.total() % 10 == 0:
        print(time.strftime("%H:%M:%S"), tally, flush=True)


async def measure(tally: Tally, flags: tuple[str, ...]) -> None:
    """Run both browsers."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: setattr(tally, "wanted", 0))
    with start_gateway(demo=3) as gateway:
        await wait_for_snapshot(gateway.url)
        visitors = [Visitor(gateway.url, tally, random.Random(), flags) for _ in range(BROWSERS)]
        await asyncio.gather(*(use_browsers(visitor) for visitor in visitors))


def main() -> int:
    """Load the page, count crashes and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("loads", type=int, nargs="?", default=LOADS)
    parser.add_argument("--sampled", action="store_true")
    arguments = parser.parse_args()
    load, tally = Load(), Tally(arguments.loads)
    asyncio.run(measure(tally, (SAMPLED,) if arguments.sampled else ()))
    print(f"Chromium {tally.version}: {tally} ({load})")
    write_json("reloads", {"version": tally.version, "loads": tally.loads, "crashes": tally.crashes, "load": str(load)})
    return 1 if tally.crashes or tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
