"""How long a second window takes that was loaded ahead, beside one that was not: from the click that opens it.

python3 -m benchmarks.start_ahead
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from pathlib import Path

from benchmarks.sections import Load, table
from tests.e2e.browser_kit import wait_for_drawing, wait_for_snapshot
from tests.e2e.cdp_kit import BareChromium, BareTab, open_bare_chromium
from tests.e2e.test_loaded_ahead import LINK, READY, WAITS, open_panel
from tests.services import start_gateway

TURNS = 5
NOTE_CLICK = (
    "void addEventListener('click', () => { globalThis.clicked = performance.timeOrigin + performance.now(); })"
)
# When the page is drawn after it was opened: in its second frame from then on.
NOTE_FRAME = """void document.addEventListener("prerenderingchange", () => {
  requestAnimationFrame(() => requestAnimationFrame(() => { globalThis.drawn = performance.now(); }));
})"""
TIMES = """(() => {
  const at = (time) => performance.timeOrigin + time;
  const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  return [at(globalThis.drawn ?? paint), at(performance.getEntriesByName("mooring-up")[0]?.startTime)];
})()"""


async def open_second(chromium: BareChromium, *, is_ahead: bool) -> list[float]:
    """Return the milliseconds from the click until the new window is drawn, and until Python is up in it."""
    first = chromium.first
    await open_panel(first)
    await first.evaluate(NOTE_CLICK)
    if is_ahead:
        await first.point_at(LINK)
        ahead = await chromium.ahead()
        await ahead.until(WAITS)
        await ahead.evaluate(NOTE_FRAME)
        await first.click(LINK)
        second = await chromium.opened(ahead)
    else:
        await first.evaluate(f"document.querySelector({LINK!r}).setAttribute('href', '/')")  # of which nothing is ahead
        await first.click(LINK)
        second = await chromium.opened()
    await second.until(READY)
    await second.until(f"{TIMES}.every(Number.isFinite)")
    clicked = float(await first.evaluate("globalThis.clicked"))
    found = [at - clicked for at in await second.evaluate(TIMES)]
    await close(second, first)
    return found


async def close(second: BareTab, first: BareTab) -> None:
    await second.call("Page.close")
    await first.call("Page.bringToFront")
    await first.evaluate("void (globalThis.isOld = true, location.reload())")
    await first.until("!globalThis.isOld")
    await first.until(READY)


async def main() -> None:
    """Measure and print."""
    load = Load()
    times: dict[bool, list[list[float]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder, start_gateway(demo=3) as gateway:
        await wait_for_snapshot(gateway.url)
        await wait_for_drawing(gateway.url)
        async with open_bare_chromium(Path(folder), f"{gateway.url}/?lang=en") as chromium:
            await chromium.first.until(READY)
            await asyncio.sleep(10)  # its snapshot is in the browser's cache
            for _turn in range(TURNS):
                for is_ahead, found in times.items():
                    found.append(await open_second(chromium, is_ahead=is_ahead))
    rows = [
        [
            "loaded ahead" if is_ahead else "not",
            *(
                f"{statistics.median(column):.0f} ({min(column):.0f} to {max(column):.0f})"
                for column in zip(*found, strict=True)
            ),
        ]
        for is_ahead, found in times.items()
    ]
    print(table(["second window", "drawn, ms", "Python up, ms"], rows))
    print(f"\n{load}")


if __name__ == "__main__":
    asyncio.run(main())
