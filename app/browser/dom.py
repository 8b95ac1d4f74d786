"""The document as the page's Screen: one call per update, one callback per kind of event.

The work on the DOM itself is in `static/js/patch.js`; this is its only caller. Nothing of JavaScript passes further:
events arrive as mappings, files as `Blob`s.

    screen = BrowserScreen(patch, shell, BrowserMemory())      # the JavaScript modules named in pyscript.toml
    screen.update({"regions": {"now": "<h2>…"}, "title": "gpu-2 · Mooring"})
    screen.listen(page.actions.act, page.take_files)
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import js
from pyodide.ffi import JsException, create_once_callable, create_proxy
from pyodide.http import pyfetch

from app.browser.blobs import JsBlob, js_blob
from app.browser.memory import Memory
from app.browser.values import error_text, present
from app.core.errors import ConfigError, StorageError
from app.core.ports.blobs import Blob, SlicedBlob
from app.core.ports.files import ChosenFile, FileSet

log = logging.getLogger("mooring.browser")


class IntlFormats:
    """Numbers and times of one language, by the browser's Intl; formatted texts are cached."""

    def __init__(self, patch: Any, language: str) -> None:
        self._patch = patch
        self._language = language
        self.number = lru_cache(maxsize=512)(self._number)
        self.percent = lru_cache(maxsize=128)(self._percent)

    def _number(self, value: float, digits: int = 0) -> str:
        return str(self._patch.formatNumber(self._language, value, digits))

    def _percent(self, fraction: float) -> str:
        return str(self._patch.formatPercent(self._language, fraction))

    def clock(self, at: float) -> str:
        """A time of day, with the date if it is not today."""
        return str(self._patch.formatClock(self._language, at))

    def moment(self, at: float) -> str:
        """Like `clock`, to the second."""
        return str(self._patch.formatClock(self._language, at, True))

    def size(self, count: int) -> str:
        """A number of bytes, rounded to a readable unit."""
        return str(self._patch.formatSize(self._language, count))


class BrowserScreen:
    """The document, the user's events, and this tab's memory."""

    def __init__(self, patch: Any, shell: Any, memory: Memory) -> None:
        self._patch = patch
        self._shell = shell
        self._memory = memory

    # Display

    def update(self, change: Mapping[str, object]) -> bool:
        """Patch the page once; False if an element that should stay is missing."""
        return bool(self._patch.update(json.dumps(change)))

    def schedule(self, callback: Callable[[], object], *, is_calm: bool = False) -> None:
        """Call back once, before the next frame if this tab draws any; if `is_calm`, within a few frames."""
        self._patch.schedule(create_once_callable(callback), is_calm)

    def formats(self, language: str) -> IntlFormats:
        """Numbers and times of a language."""
        return IntlFormats(self._patch, "en" if language == "pseudo" else language)

    def local_time(self) -> tuple[int, int, int, int, int, int]:
        """The user's local time: year, month, day, hour, minute, second."""
        now = js.Date.new()
        day = int(now.getFullYear()), int(now.getMonth()) + 1, int(now.getDate())
        return *day, int(now.getHours()), int(now.getMinutes()), int(now.getSeconds())

    def reload(self) -> None:
        """Reload the page."""
        js.location.reload()

    def page_address(self) -> str:
        """The page's own address, without a query and a link."""
        return f"{js.location.origin}{js.location.pathname}"

    def drawn(self) -> Mapping[str, str]:
        """The regions that the gateway has drawn: digests of their markup by their ids."""
        found: dict[str, str] = json.loads(str(self._shell.drawn()))
        return found

    def chosen_workflow(self) -> str:
        """The id of the workflow that the user has chosen already, if any."""
        return str(self._shell.takeChoice())

    def take_press(self, press: str) -> None:
        """Note that what an early press of Run runs is fixed."""
        self._shell.takePress(press)

    def end_press(self, press: str) -> None:
        """Forget an early press of Run."""
        self._shell.endPress(press)

    def early_pictures(self) -> Mapping[str, str]:
        """The thumbnails that the shell has shown already: addresses by the names of results."""
        found: dict[str, str] = json.loads(str(self._shell.earlyPictures()))
        return found

    def give_tags(self, list_id: str, text: str) -> None:
        """Offer the tags of this list (CSV) while the user types; an empty text removes it."""
        self._patch.giveTags(list_id, text)

    # The tab

    def is_hidden(self) -> bool:
        """Whether this tab is hidden."""
        return bool(js.document.hidden)

    def is_online(self) -> bool:
        """Whether the browser reports a network connection; a hint that proves nothing."""
        return bool(js.navigator.onLine)

    def guard_leaving(self, is_on: bool) -> None:
        """Turn the browser's question before the page is left on or off."""
        self._patch.guardLeaving(is_on)

    # Pictures

    def object_url(self, blob: Blob, media_type: str = "") -> str:
        """An address of this page for the bytes; empty for bytes that are not in JavaScript."""
        whole = js_blob(blob, media_type)
        return "" if whole is None else str(self._patch.objectUrl(whole))

    def revoke_url(self, url: str) -> None:
        """Release an `object_url`."""
        self._patch.revokeUrl(url)

    def show_preview(self, prompt_id: str, blob: Blob) -> bool:
        """Draw a running task's preview, and those after it that name their prompt; False for bytes in Python."""
        whole, offset = (blob.whole, blob.offset) if isinstance(blob, SlicedBlob) else (blob, 0)
        if not isinstance(whole, JsBlob):
            return False
        self._patch.showPreview(prompt_id, whole.js, offset)
        return True

    def forget_preview(self, prompt_id: str) -> None:
        """Draw no more previews of a task."""
        self._patch.forgetPreview(prompt_id)

    async def measure(self, blob: Blob) -> tuple[int, int]:
        """Width and height, by decoding the picture; (0, 0) if it cannot be decoded."""
        whole = js_blob(blob)
        if whole is None:
            return 0, 0
        width, height = await self._patch.measure(whole)
        return int(width), int(height)

    async def masked_look(self, blob: Blob) -> Blob | None:
        """A thumbnail of a picture with its mask; None if nothing of it is transparent."""
        whole = js_blob(blob)
        small = present(await self._patch.look(whole)) if whole is not None else None
        return None if small is None else JsBlob(small)

    # Events

    def listen(
        self,
        act: Callable[[str, Mapping[str, Any]], None],
        take_files: Callable[[tuple[str, str] | None, Sequence[tuple[Blob, str]], str], None],
        take_many: Callable[[tuple[str, str] | None, FileSet, str], None],
    ) -> None:
        """Pass on every event for as long as the page lives; these proxies are never destroyed.

        `act` gets the name of an action and its facts: the element's `data-…`, `value` and `checked`. `take_files` gets
        the field that files were aimed at, if any, the files with their names, and their purpose: "open" for workflows,
        "drawing" for a picture of a 3D model. `take_many` gets several files at a time, or a folder's: what is known of
        each, and how to open one.
        """

        self._patch.listen(create_proxy(lambda name, facts: act(str(name), json.loads(facts))))

        def take(node: str, name: str, files: Any, purpose: str = "") -> None:
            taken = [(blob := JsBlob(file), blob.name) for file in files]
            take_files((node, name) if node else None, taken, purpose)

        def take_set(node: str, name: str, facts: str, files: Any, purpose: str) -> None:
            known = json.loads(facts)
            chosen = tuple(ChosenFile(*item) for item in known["files"])
            found = FileSet(chosen, lambda index: JsBlob(files[index]), is_cut=known["isCut"])
            take_many((node, name) if node else None, found, purpose)

        self._patch.listenFiles(create_proxy(take), create_proxy(take_set))

    def listen_wakes(self, wake: Callable[[str], None]) -> None:
        """Report what may have woken the window: online, visible, pageshow, resume."""
        self._patch.listenWakes(create_proxy(lambda reason: wake(str(reason))))

    def listen_tab(self, callback: Callable[[], None]) -> None:
        """Call back when the tab is shown or hidden, and when the device goes online or offline."""
        self._patch.listenTab(create_proxy(callback))

    def listen_links(self, follow: Callable[[str], None]) -> None:
        """Call back with what is in the page's address after `#`, now and when it changes."""
        js.mooringLinks(create_proxy(lambda link: follow(str(link))))

    # Memory

    def recall(self, key: str) -> str:
        """The text that this tab remembers under a name, also after a reload; empty if there is none."""
        return self._memory.recall(key)

    def remember(self, key: str, value: str) -> None:
        """Remember a text for this tab."""
        self._memory.remember(key, value)

    def kept(self, key: str) -> str:
        """The text that this browser keeps for all windows under a name; empty if there is none."""
        return self._memory.kept(key)

    def keep(self, key: str, value: str) -> None:
        """Keep a text for all windows; an empty one is deleted."""
        self._memory.keep(key, value)

    def kept_all(self, prefix: str) -> Mapping[str, str]:
        """All texts that this browser keeps under names with this prefix."""
        return self._memory.kept_all(prefix)

    def save(self, name: str, text: str) -> None:
        """Offer a text as a file to save."""
        self._patch.save(name, text)

    async def save_results(
        self, files: Mapping[str, str], archive: str, *, is_bare: bool = False
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Offer kept results as files; return the names of those whose bytes are missing, and of those from which the
        workflow could not be removed."""
        try:
            answer = json.loads(str(await self._patch.saveResults(json.dumps(list(files.items())), archive, is_bare)))
        except JsException as error:
            raise StorageError("save_results", "blocked", error_text(error)) from error
        return tuple(answer["missing"]), tuple(answer["dressed"])

    def listen_kept(self, callback: Callable[[str], None]) -> None:
        """Call back with the name under which another window has kept a text; an empty name means all of them."""
        self._patch.listenKept(create_proxy(lambda key: callback(str(key))))

    def save_report(self) -> None:
        """Offer the report of this window as a file."""
        self._shell.saveReport()

    def open_window(self, *, is_private: bool = False) -> None:
        """Open another window of Mooring."""
        js.window.open("./?private" if is_private else "./", "_blank", "noopener")

    async def languages(self) -> str:
        """The languages with a catalogue, as the gateway lists them (JSON)."""
        return str(await self._shell.languages())

    def language_wishes(self) -> tuple[str, ...]:
        """The language of the address (empty if none), then the browser's, most wanted first."""
        return tuple(json.loads(str(self._shell.languageWishes())))


async def read_text(path: str) -> str:
    """A text file of this site; ConfigError if it is missing."""
    return (await read_bytes(path)).decode("utf-8")


async def read_bytes(path: str) -> bytes:
    """A file of this site; ConfigError if it is missing."""
    try:
        response = await pyfetch(path)
        if response.status != 200:
            raise ConfigError(f"{path}: {response.status}")
        return bytes(await response.bytes())
    except (OSError, JsException) as error:
        raise ConfigError(f"{path}: {error}") from error
