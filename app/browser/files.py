"""The files of this page's own build, where the gateway keeps them for as long as the page may ask (`/b/…/static/…`).

address("static/workflows/text.json")
socket = await load_module("socket")      # static/js/socket.js
"""

from __future__ import annotations

from typing import Any

import js
from pyodide.code import run_js


def address(path: str) -> str:
    """The path at this origin of a file of the repository that the page may load."""
    # `static/js/theme.js` says where they are; a document without it has none of its own.
    return f"{getattr(js.document.documentElement.dataset, 'home', '/')}{path}"


async def load_module(name: str) -> Any:
    """A JavaScript module of ours, loaded when it is first asked for; JsException if it cannot be."""
    return await run_js("(path) => import(path)")(address(f"static/js/{name}.js"))
