"""Short texts that the browser remembers: for this tab (`sessionStorage`), and for all windows (`localStorage`).

    memory = BrowserMemory()
    memory = PrivateMemory(memory, shared={"mooring.settings"})      # of a private window

Nothing depends on them: if the browser forbids it, that is logged, and the text counts as missing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, Protocol

import js
from pyodide.ffi import JsException

from app.browser.blobs import JsBlob, to_js_blob
from app.browser.owned import owned
from app.browser.thumbnails import make_thumbnail
from app.browser.values import error_text, present
from app.core.ports.blobs import Blob

log = logging.getLogger("mooring.browser")


class Memory(Protocol):
    """Texts by name."""

    def recall(self, key: str) -> str: ...
    def remember(self, key: str, value: str) -> None: ...
    def kept(self, key: str) -> str: ...
    def keep(self, key: str, value: str) -> None: ...
    def kept_all(self, prefix: str) -> Mapping[str, str]: ...


class BrowserMemory:
    """The memory of a normal window."""

    def recall(self, key: str) -> str:
        """The text that this tab remembers under a name; empty if there is none, or the browser forbids it."""
        try:
            return str(present(js.sessionStorage.getItem(owned(key))) or "")
        except JsException as error:
            log.warning("not recalled: %s", error_text(error))
            return ""

    def remember(self, key: str, value: str) -> None:
        """Remember a text for this tab, if the browser allows it."""
        try:
            js.sessionStorage.setItem(owned(key), value)
        except JsException as error:
            log.warning("not remembered: %s", error_text(error))

    def kept(self, key: str) -> str:
        """The text that this browser keeps for all windows under a name; empty if none, or the browser forbids it."""
        try:
            return str(present(js.localStorage.getItem(owned(key))) or "")
        except JsException as error:
            log.warning("not recalled: %s", error_text(error))
            return ""

    def keep(self, key: str, value: str) -> None:
        """Keep a text for all windows, if the browser allows it; an empty one is deleted."""
        try:
            if value:
                js.localStorage.setItem(owned(key), value)
            else:
                js.localStorage.removeItem(owned(key))
        except JsException as error:
            log.warning("not kept: %s", error_text(error))

    def kept_all(self, prefix: str) -> Mapping[str, str]:
        """All texts that this browser keeps under names with this prefix."""
        try:
            kept: dict[str, str] = js.Object.fromEntries(js.Object.entries(js.localStorage)).to_py()
        except JsException as error:
            log.warning("not recalled: %s", error_text(error))
            return {}
        mine = owned("")
        named = {key.removesuffix(mine): text for key, text in kept.items() if key.endswith(mine)}
        return {key: text for key, text in named.items() if key.startswith(prefix)}


class PrivateMemory:
    """The memory of a private window: it ends with the page, except for names in `shared`, kept for all windows.

    Texts of other windows can be read, such as the arrangement of a workflow's form.
    """

    def __init__(self, inner: Memory, shared: Collection[str]) -> None:
        self._inner = inner
        self._shared = frozenset(shared)
        self._mine: dict[str, str] = {}
        self._of_tab: dict[str, str] = {}

    def recall(self, key: str) -> str:
        """Memory.recall, of this page."""
        return self._of_tab.get(key, "")

    def remember(self, key: str, value: str) -> None:
        """Memory.remember, until the page closes."""
        self._of_tab[key] = value

    def kept(self, key: str) -> str:
        """Memory.kept."""
        return self._mine[key] if key in self._mine else self._inner.kept(key)

    def keep(self, key: str, value: str) -> None:
        """Memory.keep; for all windows only shared names."""
        if key in self._shared:
            self._inner.keep(key, value)
        else:
            self._mine[key] = value

    def kept_all(self, prefix: str) -> Mapping[str, str]:
        """Memory.kept_all."""
        mine = {key: text for key, text in self._mine.items() if key.startswith(prefix)}
        return {key: text for key, text in {**self._inner.kept_all(prefix), **mine}.items() if text}


class BrowserPageBlobs:
    """The bytes of a private window in the page's memory, where its scripts find them (`static/js/kept.js`)."""

    def __init__(self, patch: Any) -> None:
        self._patch = patch

    def put(self, kind: str, name: str, blob: Blob, at: float) -> None:
        """Keep these bytes."""
        assert isinstance(blob, JsBlob)  # results come as answers of the browser's own fetch
        self._patch.hold(kind, name, blob.js, at)

    def drop(self, kind: str, name: str) -> None:
        """Release them, if they exist."""
        self._patch.letGo(kind, name)

    async def small(self, blob: Blob, media_type: str) -> Blob | None:  # noqa: ARG002 - the bytes say it
        """A thumbnail; None if the bytes are no picture."""
        small = await make_thumbnail(await to_js_blob(blob))
        return None if small is None else JsBlob(small)


def is_private_window() -> bool:
    """Whether this page's window is a private one (`static/js/theme.js`)."""
    return bool(js.document.documentElement.hasAttribute("data-private"))
