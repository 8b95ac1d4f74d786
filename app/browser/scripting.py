"""The adapter of the scripting console's worker: binds `app.scripting` to its messages, and `requests` to the browser.

`static/js/script_worker.js` calls `begin` once, in an interpreter of its own; no code of the page runs there.

    api = begin(send, tell, origin, version)        # send(method, text, blobs) -> Promise, tell(kind, text)
    api.start("print(1)"); api.stop()
"""

from __future__ import annotations

import asyncio
import builtins
import sys
import time
import urllib.error
from typing import Any

from pyodide.ffi import JsException, to_js

from app.browser.values import error_name, error_text
from app.scripting.mooring import Mooring
from app.scripting.output import Outlet, Stream
from app.scripting.runner import Runner
from app.scripting.wire import ERRORS

# Names of headers that a page may not set; the browser logs an error if one tries.
FORBIDDEN = ("user-agent", "accept-encoding", "connection", "content-length", "host", "origin", "referer")
LATE = 0.1  # seconds after which the rest of a flood of output is sent


class ScriptConsole:
    """The functions that the worker's messages call."""

    def __init__(self, tell: Any) -> None:
        self._outlet = Outlet(tell, time.monotonic)
        self._runner = Runner(tell, self._outlet.flush)
        self._looking: asyncio.Task[None] | None = None
        sys.stdout, sys.stderr = Stream(self._outlet, "out"), Stream(self._outlet, "err")

    def start(self, source: str) -> None:
        """Run a script."""
        self._runner.start(source)
        self._looking = asyncio.get_running_loop().create_task(self._flush_late())

    def stop(self) -> None:
        """Stop it at its next await."""
        self._runner.stop()

    async def _flush_late(self) -> None:
        """Send delayed output while the script awaits."""
        while self._runner.is_running:
            await asyncio.sleep(LATE)
            self._outlet.offer()


def begin(send: Any, tell: Any, origin: str, version: str) -> ScriptConsole:
    """Prepare the interpreter for scripts: `mooring`, `requests` and `urllib` over the browser, no `input`."""

    async def ask(method: str, text: str, blobs: list[bytes]) -> str:
        return str(await send(method, text, to_js(blobs)))

    sys.modules["mooring"] = Mooring(ask, origin=origin, version=version)
    for error in ERRORS.values():
        error.__module__ = "mooring"  # as a script and its tracebacks name them
    patch_http()
    builtins.input = _no_input
    return ScriptConsole(tell)


def _no_input(_prompt: object = "") -> str:
    raise RuntimeError("input() cannot wait here: write the value into the script")


def patch_http() -> None:
    """Send `requests` and `urllib` over the browser's own requests, with their usual errors."""
    import pyodide_http
    from pyodide_http import _core, _requests, _urllib

    _core.HEADERS_TO_IGNORE = FORBIDDEN
    plain_send = _core.send

    def send_for_requests(request: Any, stream: bool = False) -> Any:
        try:
            return plain_send(request, stream)
        except JsException as error:
            failure = _core._StreamingTimeout if error_name(error) == "TimeoutError" else _core._StreamingError
            raise failure(error_text(error), request=request) from error

    def send_for_urllib(request: Any, stream: bool = False) -> Any:
        try:
            return plain_send(request, stream)
        except JsException as error:
            raise urllib.error.URLError(error_text(error)) from error

    pyodide_http.patch_all()
    _requests.send, _urllib.send = send_for_requests, send_for_urllib
