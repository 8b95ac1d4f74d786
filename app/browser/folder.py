"""A folder on the user's disk, by `static/js/folder.js`, which works only in secure contexts of some browsers."""

from __future__ import annotations

import json
from typing import Any

from pyodide.ffi import JsException

from app.browser.blobs import to_js_blob
from app.browser.values import error_text
from app.core.errors import BadInput
from app.core.ports.blobs import Blob


class BrowserFolder:
    """The page's Folder (`app/ui/results/folder_actions.py`). `patch` is the JavaScript module."""

    def __init__(self, patch: Any) -> None:
        self._patch = patch

    async def look(self) -> tuple[str, str]:
        """Its state (absent, none, asking, ready), and its name."""
        return await self._state(self._patch.lookFolder())

    async def choose(self) -> tuple[str, str]:
        """Let the user pick a folder; only within a click."""
        return await self._state(self._patch.chooseFolder())

    async def allow(self) -> tuple[str, str]:
        """Renew the browser's permission; only within a click."""
        return await self._state(self._patch.allowFolder())

    async def forget(self) -> tuple[str, str]:
        """Forget the folder."""
        return await self._state(self._patch.forgetFolder())

    async def save(self, blob: Blob, filename: str) -> str:
        """Write a file there, and return its name. BadInput if it cannot be written."""
        try:
            return str(await self._patch.saveToFolder(await to_js_blob(blob), filename))
        except JsException as error:
            raise BadInput("folder", filename, error_text(error)) from error

    async def _state(self, asked: Any) -> tuple[str, str]:
        try:
            answer = json.loads(str(await asked))
        except JsException as error:
            raise BadInput("folder", "", error_text(error)) from error
        return str(answer["state"]), str(answer["name"])
