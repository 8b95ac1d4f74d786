"""Mooring and ComfyUI's frontend side by side, each at its address, with pages that report when they are ready.

    async with both() as frontends:
        for one in frontends:
            async with profile() as (context, folder):
                await context.add_init_script(WATCH % one.ready)
                page = await context.new_page()
                await page.goto(one.address)

The parts are those of `benchmarks/start.py` and `benchmarks/start_peer.py`. Behind both is a demo server, or the real
ComfyUI at the address in MOORING_REAL_COMFYUI, whose nodes are many more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import urllib.request
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from playwright.async_api import BrowserContext

from benchmarks.start import KINDS, OURS, PEER, PEER_READY, READY, REST, WATCH, catalogue_of, profile
from benchmarks.start_peer import serve_peer
from tests.e2e.browser_kit import wait_for_drawing, wait_for_snapshot
from tests.services import start_gateway

PATIENCE = 180_000  # milliseconds
REAL = os.environ.get("MOORING_REAL_COMFYUI", "")  # its address


@dataclass(frozen=True, slots=True)
class Frontend:
    """One of the two: its name, its address, and the condition in its page that means it is ready for use."""

    name: str
    address: str
    ready: str


@contextlib.asynccontextmanager
async def both() -> AsyncIterator[tuple[Frontend, Frontend]]:
    """Run both, with the same server behind them."""
    with start_gateway("--server", f"real={REAL}") if REAL else start_gateway(demo=1) as gateway:
        await wait_for_snapshot(gateway.url)
        await wait_for_drawing(gateway.url)
        async with serve_peer(await catalogue_of(gateway.url)) as peer:
            yield Frontend(OURS, gateway.url, READY), Frontend(PEER, peer, PEER_READY)


def behind() -> str:
    """Return what is behind both, in words."""
    if not REAL:
        return "a demo server behind both"
    with urllib.request.urlopen(f"{REAL}/system_stats") as answer:
        return f"ComfyUI {json.load(answer)['system']['comfyui_version']} behind both"


async def own_starts(runs: int, script: str = "") -> AsyncIterator[tuple[str, BrowserContext, str]]:
    """Yield each start of Mooring alone that is to be measured: its kind, its profile, and the address. Further to what
    reports that a page is ready, pages run `script`."""
    with start_gateway(demo=1) as gateway:
        await wait_for_snapshot(gateway.url)
        await wait_for_drawing(gateway.url)
        for _ in range(runs):
            async with profile() as (context, _folder):
                context.set_default_timeout(PATIENCE)
                await context.add_init_script(WATCH % READY + script)
                for kind in KINDS:
                    await asyncio.sleep(REST)
                    yield kind, context, gateway.url


def spread(found: Sequence[float], form: str = ".0f") -> list[str]:
    """Return the median and the range, as two cells."""
    return [f"{statistics.median(found):{form}}", f"{min(found):{form}} to {max(found):{form}}"]


def share(ours: Sequence[float], others: Sequence[float]) -> str:
    """Return our median as a share of the other's."""
    return f"{statistics.median(ours) / statistics.median(others):.2f}"
