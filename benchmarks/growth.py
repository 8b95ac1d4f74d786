"""Whether a window slows down with its history: 10, 1,000 and 10,000 tasks in the record.

    python3 -m benchmarks growth [--turns N]

In a real Chromium: with that many tasks in the store the window is loaded, and Run is pressed while it is moored.
Measured are the guard (`validateServerConsistency` in the console), the transactions that record the press, and that
reserve and register, and the time until the new card is drawn. In CPython: the aggregate and the page's projection and
markup, with as many tasks as a window holds whole after that many (`core/past.py`: the latest 40 or so), and with all,
which no window holds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext

from app.core.model import PromptId, ServerId, Task
from app.core.past import RECENT, SLACK
from app.core.window import Window
from app.ui.form.state import FormState
from app.ui.kit.state import UiState
from app.ui.library.listing import NO_SHELVES, stock_of
from benchmarks.kit.browser import cpu_of, profile
from benchmarks.kit.pressing import PACE, WATCH, Press, moor, press_run
from benchmarks.kit.report import Load, show, table
from tests.kit import builders
from tests.kit.browser.chromium import wait_for_snapshot
from tests.kit.browser.past import PUT_MANY
from tests.kit.browser.windows import MooringWindow
from tests.kit.page import stills as kit
from tests.kit.page.views import changed_regions, project
from tests.kit.services import start_demo, start_gateway
from tests.ports.tasks import changed

SIZES = (10, 1_000, 10_000)
TURNS = 4
PRESSES = 4
WARM_UP = 1
ROUNDS = 9
GUARD = """() => {
  const times = [];
  for (let round = 0; round < 50; round++) {
    const began = performance.now();
    for (let call = 0; call < 4; call++) validateServerConsistency("benchmark", windowLockedServer);
    times.push((performance.now() - began) / 4);
  }
  return times;
}"""

Spread = tuple[float, float]  # milliseconds: the least, and the median


def main() -> None:
    """Measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=TURNS, help="of each window, with four presses each")
    turns = parser.parse_args().turns
    load = Load()
    found = {"in CPython": in_cpython(), "in Chromium": asyncio.run(in_browser(turns))}
    show("growth", load, *(table_of(where, sizes) for where, sizes in found.items()), found=found)


def table_of(where: str, found: dict[str, dict[str, Spread]]) -> str:
    """Return one table: a row for each thing that is measured, a column for each size."""
    names = next(iter(found.values()))
    rows = [[name, *(cell_of(of_size.get(name)) for of_size in found.values())] for name in names]
    return table([f"{where}: least ms (median)", *found], rows)


def cell_of(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread[0]:.3f} ({spread[1]:.3f})"


async def in_browser(turns: int) -> dict[str, dict[str, Spread]]:
    """Measure by size of the record. The windows take turns, each with its own profile and server."""
    async with contextlib.AsyncExitStack() as stack:
        servers = [stack.enter_context(start_demo(*PACE)) for _ in SIZES]
        flags = [word for number, server in enumerate(servers) for word in ("--server", f"s{number}={server.url}")]
        gateway = stack.enter_context(start_gateway(*flags))
        await wait_for_snapshot(gateway.url)
        windows = {}
        for size in SIZES:
            context, folder = await stack.enter_async_context(profile())
            await context.add_init_script(WATCH)
            windows[f"{size:,}"] = Grown(await open_window(context, gateway.url, size), folder)
        for _ in range(turns):
            for one in windows.values():
                await one.take_turn()
    return {size: of_presses(one) for size, one in windows.items()}


@dataclass
class Grown:
    """A window of a user with this many tasks, and its measurements."""

    window: MooringWindow
    folder: str  # of its profile
    guards: list[float] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)
    used: list[float] = field(default_factory=list)  # milliseconds of CPU for one run, from the press to its end

    async def take_turn(self) -> None:
        """Press Run a few times."""
        self.guards += await self.window.page.evaluate(GUARD)
        before = cpu_of(self.folder)
        self.presses += (await press_run(self.window, PRESSES, is_moored=True))[WARM_UP:]
        self.used.append((cpu_of(self.folder) - before) * 1000 / PRESSES)


async def open_window(context: BrowserContext, base: str, size: int) -> MooringWindow:
    """Open a moored window with this many tasks in the record."""
    window = await MooringWindow.open(context, base)
    await window.ready()
    await window.page.evaluate(PUT_MANY, size)
    await window.reload()
    await moor(window)
    return window


def of_presses(grown: Grown) -> dict[str, Spread]:
    """Return the measurements by name."""
    words = {
        "line": "the press, its transaction",
        "register": "reserve and register, their transaction",
        "left": "Run pressed until POST /prompt leaves",
        "card": "Run pressed until the card is drawn",
    }
    found = {word: spread_of([press[key] for press in grown.presses]) for key, word in words.items()}
    used = {"CPU of the page for one run, with cancel": spread_of(grown.used)}
    return {"guard": spread_of(grown.guards), **found, **used}


def in_cpython() -> dict[str, dict[str, Spread]]:
    """Measure by size of the record, and with all tasks in the window."""
    held = {f"{size:,}": min(size, RECENT + SLACK) for size in SIZES}
    return {
        **{size: of_window(count, is_drawn=True) for size, count in held.items()},
        "all 10,000 held whole": of_window(10_000, is_drawn=False),
    }


def of_window(count: int, *, is_drawn: bool) -> dict[str, Spread]:
    """Measure the core's steps, and the page, for a window with this many ended tasks and an unfinished one."""
    holder = builders.submitted("p-holder", created_at=5_000.0)
    tasks: dict[PromptId, Task] = {holder.prompt_id: holder}
    for number in range(count):
        ended = changed(kit.ended(f"{number:08}", kit.output()), owner=builders.ME, created_at=float(number))
        tasks[ended.prompt_id] = ended
    window = Window(builders.ME, builders.CLIENT, tasks=tasks)
    reserved = window.reserve(builders.reservation("p-new"))
    registered = reserved.register_window_task(builders.task("p-new"))
    found = {
        "guard": took(lambda: window.validate_server_consistency("benchmark", builders.A), calls=100),
        "reserve": took(lambda: window.reserve(builders.reservation("p-new")), calls=10),
        "register": took(lambda: reserved.register_window_task(builders.task("p-new")), calls=10),
        "settle": took(lambda: registered.settle(builders.submitted("p-new")), calls=10),
    }
    return found | (of_page(window, registered) if is_drawn else {})


def of_page(window: Window, registered: Window) -> dict[str, Spread]:
    """Measure the projection of the window, and the markup of what changes once a task is registered."""
    fleet = kit.fleet(*(kit.server(ServerId(str(item))) for item in (builders.A, builders.B)))
    words, ui = kit.translator(), UiState().with_slices(FormState(workflow_id="enlarge"))
    stock = stock_of(kit.workflows(), NO_SHELVES, fleet)  # as the page keeps it

    def view(seen: Window) -> Any:
        return project(
            kit.StillSession(window=seen, fleet=fleet),
            ui,
            workflows=kit.workflows(),
            pictures=kit.StillPictures(),
            language="en",
            stock=stock,
        )

    before, after = view(window), view(registered)
    return {
        "render: the page as values": took(lambda: view(registered), calls=2),
        "render: the markup that changed": took(lambda: changed_regions(before, after, words), calls=2),
    }


def took(work: Callable[[], object], *, calls: int) -> Spread:
    """Return milliseconds for one call, over some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(calls):
            work()
        rounds.append((time.perf_counter() - began) * 1000 / calls)
    return spread_of(rounds)


def spread_of(times: list[float]) -> Spread:
    """Return the least, which other work on the machine disturbs least, and the median."""
    return min(times), statistics.median(times)


if __name__ == "__main__":
    main()
