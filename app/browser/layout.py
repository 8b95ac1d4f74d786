"""The layout engine of graphs: dagre in a worker, over `static/js/layout.js`, both loaded on first use.

    answer = await arrange(question)        # texts, as `app/workflows/drawing/layout.py` writes and reads them

LayoutError says why there is no answer. The page stays responsive, whatever the graph's size.
"""

from __future__ import annotations

import json

from pyodide.ffi import JsException

from app.browser.files import load_module
from app.browser.values import error_text
from app.core.errors import LayoutError

SECONDS = 60.0  # 500 nodes take three seconds, 1,500 about thirty


async def arrange(question: str) -> str:
    """Return positions for a graph's boxes."""
    try:
        module = await load_module("layout")
        answer = str(await module.arrange(question, SECONDS * 1000))
    except JsException as error:
        raise LayoutError("unavailable", error_text(error)) from error
    parsed = json.loads(answer)
    if "error" in parsed:
        raise LayoutError(parsed.get("cause", "failed"), parsed["error"])
    return answer
