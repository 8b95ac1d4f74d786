"""What the page needs from the browser, as a protocol. The adapter is `app/browser/dom.py`; tests have their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from app.core.ports.blobs import Blob
from app.ui.kit.i18n import Formats

Facts = Mapping[str, str | bool]  # an event's: the element's data-… by name, and its `value`, `checked`


# The names of results that were not saved: their bytes are not here; nothing could be taken out of them.
Unsaved = tuple[tuple[str, ...], tuple[str, ...]]


class Screen(Protocol):
    """The document, the person's hands, and this tab's memory."""

    def update(self, change: Mapping[str, object]) -> bool:
        """Patch the page in one go: `regions` {id: html}, `title`, its `ends`, `icon`, `lang`, `live`, `reveal`.

        `found` shows for a moment that this is the window that was asked for.

        `root` {name: text} sets `data-…` of the document, `keys` are those that count alone; `jump` is the id of what
        gets the focus, `press` of what is clicked.

        `texts` [{node, name, text}] put texts into fields, also those that the person has typed into.

        `kept` {id: html} is put in once and never patched; `graph` marks what is drawn there. `grid` is told of the
        album's cells (`static/js/grid.js`).

        False if something was to stay that is not there: everything has to be told anew.
        """

    def schedule(self, callback: Callable[[], object], *, is_calm: bool = False) -> None:
        """Call back once, soon: before the next frame if this tab draws any; one of the next few if that will do."""

    def object_url(self, blob: Blob, media_type: str = "") -> str:
        """An address of this page for the bytes; they stay in memory until it is revoked."""

    def revoke_url(self, url: str) -> None:
        """Let go of an `object_url`."""

    async def measure(self, blob: Blob) -> tuple[int, int]:
        """Width and height, by decoding the picture; (0, 0) if it is none. One of too many pixels is not decoded."""

    async def masked_look(self, blob: Blob) -> Blob | None:
        """How a picture looks with its mask, small; None if nothing of it is transparent."""

    def recall(self, key: str) -> str:
        """What this tab remembers under a name, also after a reload; empty if nothing."""

    def remember(self, key: str, value: str) -> None:
        """Remember for this tab, as well as the browser lets it."""

    def kept(self, key: str) -> str:
        """What this browser keeps for all windows under a name; empty if nothing."""

    def keep(self, key: str, value: str) -> None:
        """Keep for all windows, as well as the browser lets it; an empty value is forgotten."""

    def kept_all(self, prefix: str) -> Mapping[str, str]:
        """Everything that this browser keeps under names that begin so."""

    def save(self, name: str, text: str) -> None:
        """Give the person a text as a file to save."""

    async def save_results(self, files: Mapping[str, str], archive: str, *, is_bare: bool = False) -> Unsaved:
        """Give the person kept results as files: file names by the names of the bytes, several as one archive.

        `is_bare` leaves out what is written into them beside the picture. What could not be saved comes back.
        """

    def save_report(self) -> None:
        """Give the person the report of this window as a file."""

    def open_window(self, *, is_private: bool = False) -> None:
        """Open another window of Mooring, if wanted one that keeps nothing; only within a click or a key."""

    def language_wishes(self) -> Sequence[str]:
        """The language of the address (empty if none), then the browser's, most wanted first."""

    def formats(self, language: str) -> Formats:
        """Numbers and times of a language."""

    def local_time(self) -> tuple[int, int, int, int, int, int]:
        """The person's own time: year, month, day, hour, minute, second."""

    def is_hidden(self) -> bool:
        """Whether nobody can see this tab now."""

    def is_online(self) -> bool:
        """Whether the browser thinks that this device has a network; a hint that proves nothing."""

    def guard_leaving(self, is_on: bool) -> None:
        """Have the browser ask before the page is left, or no longer."""

    def reload(self) -> None:
        """Load the page again."""

    def early_pictures(self) -> Mapping[str, str]:
        """The thumbnails that were shown before Python was up: addresses by the names of results. They are ours now."""
