"""Reports of crashed renderers, with the state of the machine at that moment.

    await watch_renderers(browser, crashes.append)

Playwright says only `Target crashed`. The signal distinguishes a fault of the browser (SIGTRAP, SIGILL, SIGSEGV) from a
machine without memory (SIGKILL) or disk (SIGBUS: Playwright lets Chromium keep its shared memory in files).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

ROOT = Path(__file__).resolve().parents[3]
LOG = ROOT / "tests" / "artifacts" / "crashes.log"
SIGNAL_BITS = 0x7F  # the next bit says whether a core was written


async def watch_renderers(browser: Browser, note: Callable[[str], Any]) -> None:
    """Call `note` with one line for each renderer that crashes from now on."""
    session = await browser.new_browser_cdp_session()

    def report(event: dict[str, Any]) -> None:
        note(f"{time.strftime('%Y-%m-%d %H:%M:%S')} Chromium {browser.version}: {describe(event)}")

    session.on("Target.targetCrashed", report)
    await session.send("Target.setDiscoverTargets", {"discover": True})


def log_crash(line: str) -> None:
    """Append a line to `tests/artifacts/crashes.log`."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")


def describe(event: dict[str, Any]) -> str:
    """Describe how a renderer ended, with the free disk and memory and the load."""
    facts = [f"{event['status']}, {signal_name(event['errorCode'])}"]
    facts.append(f"{shutil.disk_usage(tempfile.gettempdir()).free / 1e9:.1f} GB of disk free")
    with contextlib.suppress(OSError, AttributeError):  # not every system says
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        facts += [f"{int(line.split()[1]) / 1e6:.1f} GB of memory free" for line in lines if "MemAvailable" in line]
        facts.append(f"load {os.getloadavg()[0]:.1f}")
    return "; ".join(facts)


def signal_name(status: int) -> str:
    """Return the name of the signal in a process's wait status."""
    try:
        return signal.Signals(status & SIGNAL_BITS).name
    except ValueError:
        return f"code {status}"
