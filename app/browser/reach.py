"""What a page without a gateway finds in its own document, and how it probes a server whose answers it cannot read.

site = read_site()
await reach("http://gpu-1:8188", True)      # Reach(answers=True, greets=False)
"""

from __future__ import annotations

import hashlib
import json
from uuid import uuid4

import js
from pyodide.ffi import JsException

from app.browser.files import load_module
from app.browser.values import error_text, present
from app.core.direct import ExportedSite, Reach
from app.core.errors import RequestTimeout

REACH_DEADLINE = 4.0  # seconds
LEARN_DEADLINE = 40.0


def read_site() -> ExportedSite:
    """The origin of this page, and the policy in its head."""
    policy = present(js.document.querySelector('meta[http-equiv="Content-Security-Policy"]'))
    return ExportedSite(str(js.location.origin), str(policy.content) if policy else "")


def is_hidden() -> bool:
    """Whether this window is hidden."""
    return bool(js.document.hidden)


async def reach(address: str, asks_socket: bool) -> Reach:
    """Probe a server whose answers cannot be read."""
    client_id = str(uuid4()) if asks_socket else ""  # its own, so that it replaces no window's socket
    try:
        module = await load_module("reach")
        answer = json.loads(str(await module.reach(address, client_id, REACH_DEADLINE * 1000)))
    except JsException as error:
        raise RequestTimeout(None, f"reach: {error_text(error)}") from error
    return Reach(answer["answers"], answer["greets"], answer["isTurned"])


async def learn(address: str) -> tuple[str, str]:
    """Read and keep a server's catalogue in this page; return the hashes of its nodes and of its lists of files."""
    try:
        read = await (await load_module("catalogue")).learn(address, LEARN_DEADLINE * 1000)
        nodes, files = (hashlib.sha256(part.to_bytes()).hexdigest() for part in (read.nodes, read.files))
        read.keep(nodes, files)
    except JsException as error:
        raise RequestTimeout(None, f"catalogue: {error_text(error)}") from error
    return nodes, files
