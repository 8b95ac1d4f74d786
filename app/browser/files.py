"""The files of this page's own build, which the gateway keeps for as long as the page may request them.

address("static/workflows/text.json")
socket = await load_module("socket")      # static/js/socket.js, by the name that it has in `by_name.js`
"""

from __future__ import annotations

from typing import Any

import js
from pyodide.code import run_js


def address(path: str) -> str:
    """The path at this origin of a file of the repository that the page may load."""
    # `static/js/theme.js` sets it; a document without it has no build of its own.
    return f"{getattr(js.document.documentElement.dataset, 'home', '/')}{path}"


async def load_module(name: str) -> Any:
    """Load a JavaScript module of ours on first use; JsException if it cannot be loaded."""
    # Whole, since Chromium may resolve a path in evaluated code at another origin: that of a page on another port that
    # shares this page's process and has run the same code before.
    url = js.URL.new(address("static/js/by_name.js"), js.location.href).href
    return await run_js("async (url, name) => (await import(url)).load(name)")(url, name)
