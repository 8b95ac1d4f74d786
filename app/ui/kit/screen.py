"""What the page needs from the browser, as a protocol. The adapter is `app/browser/dom.py`; tests have their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from app.core.ports.blobs import Blob
from app.ui.kit.i18n import Formats

Facts = Mapping[str, str | bool]  # an event's: the element's data-… by name, and its `value`, `checked`


# The names of results that were not saved: the first lack their bytes, from the others nothing could be removed.
Unsaved = tuple[tuple[str, ...], tuple[str, ...]]


class Screen(Protocol):
    """The document, its input, and the storage of this tab and browser."""

    def update(self, change: Mapping[str, object]) -> bool:
        """Patch the page in one go: `regions` {id: html}, `title`, its `ends`, `icon`, `lang`, `live`, `reveal`.

        `found` shows for a moment that this is the window that the user looks for.

        `root` {name: text} sets `data-…` of the document, `keys` are the shortcuts of a single key; `jump` is the id of
        the element that gets the focus, `press` of the one that is clicked.

        `texts` [{node, name, text}] put texts into fields, also into those that the user has typed into.

        `kept` {id: html} is put in once and never patched; `graph` has marks for the drawing. `grid` has the
        album's cells (`static/js/grid.js`); `further` has more of them, and comes alone.

        False if a card that should stay is not on the page: the whole page must be sent.
        """

    def schedule(self, callback: Callable[[], object], *, is_calm: bool = False) -> None:
        """Call back once: before the next frame if this tab draws any, or within the next few if `is_calm`."""

    def object_url(self, blob: Blob, media_type: str = "") -> str:
        """Return an address of this page for the bytes; they stay in memory until it is revoked."""

    def revoke_url(self, url: str) -> None: ...

    def show_preview(self, prompt_id: str, blob: Blob) -> bool:
        """Draw a running task's preview, and those after it that name their prompt; False for bytes that are not in
        JavaScript."""

    def forget_preview(self, prompt_id: str) -> None:
        """Draw no more previews of a task."""

    async def measure(self, blob: Blob) -> tuple[int, int]:
        """Decode a picture and return its size; (0, 0) if it is none. One of too many pixels is not decoded."""

    async def masked_look(self, blob: Blob) -> Blob | None:
        """Return a small picture with its mask visible; None if nothing of it is transparent."""

    def recall(self, key: str) -> str:
        """Return a value of this tab, which survives a reload; empty if there is none."""

    def remember(self, key: str, value: str) -> None:
        """Store a value for this tab, if the browser allows it."""

    def kept(self, key: str) -> str:
        """Return a value that this browser keeps for all windows; empty if there is none."""

    def keep(self, key: str, value: str) -> None:
        """Store a value for all windows, if the browser allows it; an empty one is removed."""

    def kept_all(self, prefix: str) -> Mapping[str, str]:
        """Return all values that this browser keeps under names with this prefix."""

    def save(self, name: str, text: str) -> None:
        """Offer a text as a file to save."""

    def give_tags(self, list_id: str, text: str) -> None:
        """Give the page a list of tags to offer while the user types; an empty text removes it."""

    async def save_results(self, files: Mapping[str, str], archive: str, *, is_bare: bool = False) -> Unsaved:
        """Save kept results as files: file names by the names of the bytes, several as one archive.

        `is_bare` removes the workflow that is written into them. Returns what could not be saved.
        """

    def save_report(self) -> None:
        """Save the report of this window as a file."""

    def open_window(self, *, is_private: bool = False) -> None:
        """Open another window of Mooring, or a private one; only within a click or a key."""

    def language_wishes(self) -> Sequence[str]:
        """Return the language of the address (empty if none), then the browser's, most wanted first."""

    def formats(self, language: str) -> Formats: ...

    def local_time(self) -> tuple[int, int, int, int, int, int]:
        """Return the user's local time: year, month, day, hour, minute, second."""

    def is_hidden(self) -> bool: ...

    def is_online(self) -> bool:
        """Whether the browser thinks that this device has a network; that proves nothing."""

    def guard_leaving(self, is_on: bool) -> None:
        """Have the browser ask before the page is left, or stop that."""

    def reload(self) -> None:
        """Reload the page."""

    def page_address(self) -> str:
        """Return the page's own address, without a query and a link."""

    def drawn(self) -> Mapping[str, str]:
        """Return the regions that were drawn before Python had started: digests of their markup by their ids."""

    def chosen_workflow(self) -> str:
        """Return the id of the workflow that the user chose before Python had started; empty if they chose none.

        Forms that are chosen from now on are drawn by Python.
        """

    def take_press(self, press: str) -> None:
        """Note that what a press of Run from before Python had started runs is fixed."""

    def end_press(self, press: str) -> None:
        """Forget that press: its run is recorded, or there is none."""

    def early_pictures(self) -> Mapping[str, str]:
        """Return the thumbnails that were shown before Python had started: addresses by the names of results."""
