"""What the browser reports and promises about its storage: `navigator.storage`, which only secure contexts have."""

from __future__ import annotations

import logging
from typing import Any

import js
from pyodide.ffi import JsException

from app.browser.values import error_text, present

log = logging.getLogger("mooring.browser")


async def read_estimate() -> tuple[int | None, int | None]:
    """Bytes used by this site, and its quota; None where the browser does not report it."""
    storage = _storage("estimate")
    if storage is None:
        return None, None
    try:
        estimate = await storage.estimate()
    except JsException as error:
        log.info("no estimate of the storage: %s", error_text(error))
        return None, None
    return _count(estimate, "usage"), _count(estimate, "quota")


async def is_persistent() -> bool | None:
    """Whether the browser has promised not to clear the storage by itself; None where it makes no such promise."""
    return await _ask("persisted")


async def ask_persistence() -> bool | None:
    """Ask for that promise; the browser may show a prompt."""
    return await _ask("persist")


async def _ask(method: str) -> bool | None:
    storage = _storage(method)
    if storage is None:
        return None
    try:
        return bool(await getattr(storage, method)())
    except JsException as error:
        log.info("%s: %s", method, error_text(error))
        return None


def _storage(method: str) -> Any | None:
    storage = present(getattr(js.navigator, "storage", None))
    return storage if storage is not None and hasattr(storage, method) else None


def _count(estimate: Any, name: str) -> int | None:
    value = present(getattr(estimate, name, None))
    return None if value is None else int(value)
