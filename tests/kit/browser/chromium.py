"""A real Chromium, and pages that run our Python modules without our page.

    async with open_chromium() as browser:
        page = await (await browser.new_context()).new_page()
        await load_python(page, gateway.url)
        await run_python(page, "from app.core import model; return len(model.ENDS)")

`load_python` opens a bare document of the gateway (with its real headers), starts Python as the page does, from the
unpacked memory snapshot if there is one, and adds the port suite.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import textwrap
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, JSHandle, Page, Route, async_playwright

from tests.kit.browser.crashes import log_crash, watch_renderers

ROOT = Path(__file__).resolve().parents[3]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Most windows of a test live for seconds, so their WebAssembly is optimized later than usual and without inlining,
# which makes a start cheaper.
SHORT_LIVED = "--js-flags=--wasm-tiering-budget=600000000 --no-wasm-inlining"
BARE = "/static/js/theme.js"  # a document that shows text and runs nothing
LOAD_SECONDS = 90  # a loaded two-core machine

# Whether Python in a page was started from a snapshot.
IS_RESTORED = "performance.getEntriesByName('mooring-python')[0]?.detail === 'restored'"

# Whether the file in the form of the workflow *enlarge* is kept, so that a reload finds it.
IS_KEPT = "JSON.parse(sessionStorage.getItem('mooring.draft'))?.drafts?.enlarge?.kept?.length"

# Whether the page's service worker runs, and a form by which files are shared, as a browser does it.
IS_ACTIVE = 'navigator.serviceWorker.getRegistration().then((found) => found?.active?.state === "activated")'
SHARE = """([address, files]) => {
  const form = document.createElement("form");
  Object.assign(form, { action: address, method: "post", enctype: "multipart/form-data" });
  const field = Object.assign(document.createElement("input"), { type: "file", name: "files", multiple: true });
  const transfer = new DataTransfer();
  for (const [name, type, text] of files) {
    transfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name, { type }));
  }
  field.files = transfer.files;
  form.append(field);
  document.body.append(form);
  form.submit();
}"""

# A script to run before any script of a page: it removes Web Locks, as in a page that is not a secure context.
WITHOUT_LOCKS = "delete Navigator.prototype.locks;"

# Start Python in a bare document as the page does, and write files into it.
LOAD_PYTHON = """async (files) => {
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  const named = page.querySelector("#snapshot");
  if (named) {
    named.href = named.dataset.plain;
    document.head.append(named);
  }
  const { loadPyodide } = await import("/static/js/boot.mjs");
  const python = await loadPyodide({});
  for (const [path, text] of files) {
    python.FS.mkdirTree(path.split("/").slice(0, -1).join("/"));
    python.FS.writeFile(path, text);
  }
  globalThis.python = python;
}"""

_RUN = """async (code) => {
  const found = await python.runPythonAsync(code);
  return found === undefined ? null : found;
}"""


def chromium_path() -> str | None:
    """Return the machine's Chromium, or None for Playwright's own."""
    named = os.environ.get("MOORING_CHROMIUM")
    if named:
        return named
    return "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else None


def headless_shell_path() -> str | None:
    """Return the headless shell beside the Chromium, or the Chromium if there is none."""
    path = chromium_path()
    shell = f"{path}-headless-shell"
    return shell if Path(shell).exists() else path


def open_headless_shell(*flags: str, **options: Any) -> contextlib.AbstractAsyncContextManager[Browser | Any]:
    """Start a Chromium for windows of a test; pages are the same in it and start with two thirds of the processor time.

    Measurements, counts of crashes, and tests of tabs or a user's profile use `open_chromium`.
    """
    return open_chromium(SHORT_LIVED, *flags, program=headless_shell_path(), **options)


@contextlib.asynccontextmanager
async def open_chromium(
    *flags: str,
    without_defaults: Sequence[str] = (),
    profile: Path | None = None,
    on_crash: Callable[[str], Any] = log_crash,
    program: str | None = None,
) -> AsyncIterator[Browser | Any]:
    """Start Chromium with our flags. `without_defaults` removes flags that hide real behaviour from a test.

    With `profile` it yields a persistent context, like a user's own browser.
    `on_crash` is called with a line for each renderer that crashes.
    """
    async with async_playwright() as playwright:
        options: dict[str, Any] = {
            "executable_path": program or chromium_path(),
            "args": [*FLAGS, *flags],
            "ignore_default_args": list(without_defaults) or None,
        }
        opened: Any
        if profile is None:
            opened = await playwright.chromium.launch(**options)
        else:
            opened = await playwright.chromium.launch_persistent_context(str(profile), **options)
        try:
            await watch_renderers(opened if profile is None else opened.browser, on_crash)
            yield opened
        finally:
            await opened.close()


async def wait_for_js(page: Page, expression: str, **options: Any) -> JSHandle:
    """Wait until a JavaScript expression is true, looking ten times a second: in each frame costs a tenth of a core."""
    return await page.wait_for_function(expression, **{"polling": 100, **options})


@contextlib.asynccontextmanager
async def held(page: Page, *addresses: str) -> AsyncIterator[None]:
    """Let the page's requests to these addresses wait until the block ends, through reloads too."""
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    for address in addresses:
        await page.route(address, hold)
    try:
        yield
    finally:
        released.set()  # the route stays, and passes everything on


@contextlib.asynccontextmanager
async def refused_once(page: Page, address: str) -> AsyncIterator[None]:
    """Let the page's first request to this address fail in the block, which has to make it."""
    refused: list[str] = []

    async def refuse(route: Route) -> None:
        if refused:
            await route.continue_()
        else:
            refused.append(route.request.url)
            await route.abort()

    await page.route(address, refuse)
    yield
    await page.unroute(address, refuse)
    assert refused


async def load_python(page: Page, base: str) -> None:
    """Start Python with `app` and the port suite in a bare document of the gateway."""
    await page.goto(f"{base}{BARE}")
    await start_python(page)


async def wait_for_snapshot(base: str) -> None:
    """Wait until the gateway has a memory snapshot, which it makes itself if the sources have changed."""
    async with asyncio.timeout(LOAD_SECONDS), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{base}/") as answer:
                if 'id="snapshot"' in await answer.text():
                    return
            await asyncio.sleep(0.2)


async def wait_for_drawing(base: str, query: str = "") -> None:
    """Wait until the gateway's document has the first screen of a new window, in English or as a query asks."""
    async with asyncio.timeout(LOAD_SECONDS), aiohttp.ClientSession(headers={"Accept-Language": "en-US"}) as session:
        while True:
            async with session.get(f"{base}/{query}") as answer:
                if "data-drawn" in await answer.text():
                    return
            await asyncio.sleep(0.1)


async def start_python(page: Page) -> None:
    """Start Python in the page."""
    files = [
        [f"tests/ports/{file.name}", file.read_text(encoding="utf-8")]
        for file in sorted((ROOT / "tests" / "ports").glob("*.py"))
        if not file.name.startswith("test_")
    ]
    files.append(["tests/__init__.py", ""])
    await page.evaluate(LOAD_PYTHON, files)


async def run_python(page: Page, body: str, **values: Any) -> Any:
    """Run the body of an async function in the page's Python; its arguments and result are JSON values."""
    code = (
        "import json\n"
        f"async def _body({', '.join(values)}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        f"json.dumps(await _body(**json.loads({json.dumps(values)!r})))"
    )
    found = await page.evaluate(_RUN, code)
    return json.loads(found)
