"""A Chromium with a new profile on disk, and what its pages use: memory by kind, and the processor.

    async with profile() as (context, folder):
        await context.add_init_script(COUNT)
        held = await footprint(page)      # {"heap": …, "buffers": …, "wasm": …, "nodes": …, "urls": …}
        largest(folder, 10)               # PSS of the profile's ten largest page processes, in bytes

`heap` is V8's own (JavaScript objects), `buffers` what its array buffers have, `wasm` the memories of WebAssembly,
which never shrink: all in bytes. `nodes` and `listeners` are those of the DOM, `urls` blob addresses that are still
alive, `entries` what the page's performance timeline keeps.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page

from tests.kit.browser.chromium import open_chromium

HERE_ONLY = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # ComfyUI's frontend makes requests to the internet
)
# Counts every memory of WebAssembly, made by the page or by a module, and every blob address that was not revoked.
COUNT = """
globalThis.counted = { memories: new Set(), urls: new Set() };
{
  const note = (found) => {
    for (const item of Object.values((found.instance ?? found).exports ?? {})) {
      if (item instanceof WebAssembly.Memory) counted.memories.add(item);
    }
    return found;
  };
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const plain = WebAssembly[name];
    WebAssembly[name] = (...words) => plain.apply(WebAssembly, words).then(note);
  }
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct: (target, words) => {
      const made = new target(...words);
      counted.memories.add(made);
      return made;
    },
  });
  const { createObjectURL: make, revokeObjectURL: drop } = URL;
  URL.createObjectURL = (blob) => {
    const url = make.call(URL, blob);
    counted.urls.add(url);
    return url;
  };
  URL.revokeObjectURL = (url) => {
    counted.urls.delete(url);
    drop.call(URL, url);
  };
}
"""
ASK = """() => ({
  wasm: [...counted.memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0),
  urls: counted.urls.size,
  entries: performance.getEntries().length,
})"""
COLLECTIONS = 3  # one collection may free what holds more


@contextlib.asynccontextmanager
async def profile() -> AsyncIterator[tuple[BrowserContext, str]]:
    """Open a new profile on disk; yield it with its folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with open_chromium(HERE_ONLY, profile=Path(folder)) as context:
            yield context, folder


async def footprint(page: Page) -> dict[str, float]:
    """Return what the page holds after garbage collection."""
    client = await page.context.new_cdp_session(page)
    for _ in range(COLLECTIONS):
        await client.send("HeapProfiler.collectGarbage")
    heap = await client.send("Runtime.getHeapUsage")
    dom = await client.send("Memory.getDOMCounters")
    await client.detach()
    asked: dict[str, Any] = await page.evaluate(ASK)
    return {
        "heap": heap["usedSize"],
        "buffers": heap["backingStorageSize"],
        "nodes": dom["nodes"],
        "listeners": dom["jsEventListeners"],
        **asked,
    }


async def slow_down(page: Page, factor: int) -> None:
    """Slow the main thread of a page down by this factor, by Chromium's own emulation."""
    client = await page.context.new_cdp_session(page)
    await client.send("Emulation.setCPUThrottlingRate", {"rate": factor})


def processes_of(folder: str) -> Iterator[Path]:
    """Yield the page processes of a profile, as folders of /proc; none where there is no /proc."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if "--type=renderer" in words and folder in words:
                yield process


def largest(folder: str, count: int) -> list[int]:
    """Return the PSS in bytes of the `count` largest page processes of a profile (the browser keeps a spare one)."""
    found = []
    for process in processes_of(folder):
        with contextlib.suppress(OSError):
            lines = (process / "smaps_rollup").read_text("utf-8").splitlines()
            found.append(sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")))
    return sorted(found, reverse=True)[:count]


def cpu_of(folder: str) -> float:
    """Return the seconds of CPU that the page processes of a profile have used so far."""
    ticks = 0
    for process in processes_of(folder):
        with contextlib.suppress(OSError):
            fields = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
