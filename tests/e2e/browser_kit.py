"""A real Chromium, and pages in it that run our Python modules without our page.

    async with open_chromium() as browser:
        page = await (await browser.new_context()).new_page()
        await load_python(page, gateway.url)
        await run_python(page, "from app.core import model; return len(model.ENDS)")

`load_python` opens a bare document of the gateway (with its real headers), loads Pyodide there as the gateway
serves it, and unpacks `/app.zip` and the port suite into it.
"""

from __future__ import annotations

import contextlib
import json
import os
import textwrap
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BARE = "/static/js/theme.js"  # shown as text, it is a document that runs nothing
LOAD_SECONDS = 90  # a loaded two-core machine

# What to add before any script of a page runs, to take Web Locks away: what a page that is no secure context sees.
WITHOUT_LOCKS = "delete Navigator.prototype.locks;"

_LOAD = """async (files) => {
  const { loadPyodide } = await import("/static/vendor/pyodide/pyodide.mjs");
  const kept = globalThis.caches ? await caches.match("/python-snapshot") : undefined;
  const snapshot = kept && new Uint8Array(await kept.arrayBuffer());
  const python = await loadPyodide(snapshot ? { _loadSnapshot: snapshot } : {});
  python.unpackArchive(await (await fetch("/app.zip")).arrayBuffer(), "zip");
  for (const [path, text] of files) {
    python.FS.mkdirTree(path.split("/").slice(0, -1).join("/"));
    python.FS.writeFile(path, text);
  }
  globalThis.python = python;
}"""

_KEEP_SNAPSHOT = """async () => {
  const { loadPyodide } = await import("/static/vendor/pyodide/pyodide.mjs");
  const python = await loadPyodide({ _makeSnapshot: true });
  python.runPython("import asyncio, dataclasses, enum, inspect, json, logging, traceback, typing, urllib.parse, uuid");
  const cache = await caches.open("python");
  await cache.put("/python-snapshot", new Response(python.makeMemorySnapshot()));
}"""

_RUN = """async (code) => {
  const found = await python.runPythonAsync(code);
  return found === undefined ? null : found;
}"""


def chromium_path() -> str | None:
    """The Chromium of the machine; None lets Playwright take its own."""
    named = os.environ.get("MOORING_CHROMIUM")
    if named:
        return named
    return "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else None


@contextlib.asynccontextmanager
async def open_chromium(
    *flags: str, without_defaults: Sequence[str] = (), profile: Path | None = None
) -> AsyncIterator[Browser | Any]:
    """A Chromium with our flags. `without_defaults` takes out flags that hide the real browser from a test.

    With `profile` it is a persistent context (a BrowserContext is given), as a person's own browser is.
    """
    async with async_playwright() as playwright:
        options: dict[str, Any] = {
            "executable_path": chromium_path(),
            "args": [*FLAGS, *flags],
            "ignore_default_args": list(without_defaults) or None,
        }
        opened: Any
        if profile is None:
            opened = await playwright.chromium.launch(**options)
        else:
            opened = await playwright.chromium.launch_persistent_context(str(profile), **options)
        try:
            yield opened
        finally:
            await opened.close()


async def load_python(page: Page, base: str) -> None:
    """Pyodide with `app` and the port suite, in a bare document at the gateway's origin."""
    await page.goto(f"{base}{BARE}")
    await start_python(page)


async def keep_snapshot(context: BrowserContext, base: str) -> None:
    """From here on `load_python` starts from a memory snapshot in this profile: three times faster, and all alike."""
    page = await context.new_page()
    await page.goto(f"{base}{BARE}")
    await page.evaluate(_KEEP_SNAPSHOT)
    await page.close()


async def start_python(page: Page) -> None:
    """Load Pyodide into the page as it is."""
    files = [
        [f"tests/ports/{file.name}", file.read_text(encoding="utf-8")]
        for file in sorted((ROOT / "tests" / "ports").glob("*.py"))
        if not file.name.startswith("test_")
    ]
    files.append(["tests/__init__.py", ""])
    await page.evaluate(_LOAD, files)


async def run_python(page: Page, body: str, **values: Any) -> Any:
    """Run the body of an async function in the page's Python; `values` are its arguments, JSON-like both ways."""
    code = (
        "import json\n"
        f"async def _body({', '.join(values)}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        f"json.dumps(await _body(**json.loads({json.dumps(values)!r})))"
    )
    found = await page.evaluate(_RUN, code)
    return json.loads(found)
