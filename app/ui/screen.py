"""What the page needs from the browser, as a protocol. The adapter is `app/browser/dom.py`; tests have their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from app.core.ports import Blob
from app.ui.i18n import Formats

Facts = Mapping[str, str | bool]  # an event's: the element's data-… by name, and its `value`, `checked`


class Screen(Protocol):
    """The document, the person's hands, and this tab's memory."""

    def update(self, change: Mapping[str, object]) -> None:
        """Patch the page in one go: `regions` {id: html}, `title`, `icon`, `lang`, `live`, `reveal`.

        `texts` [{node, name, text}] put texts into fields, also those that the person has typed into.

        `kept` {id: html} is put in once and never patched; `graph` marks what is drawn there.
        """

    def schedule(self, callback: Callable[[], None]) -> None:
        """Call back once, soon: before the next frame if this tab draws any."""

    def object_url(self, blob: Blob, media_type: str = "") -> str:
        """An address of this page for the bytes; they stay in memory until it is revoked."""

    def revoke_url(self, url: str) -> None:
        """Let go of an `object_url`."""

    async def measure(self, blob: Blob) -> tuple[int, int]:
        """Width and height, by decoding the picture; (0, 0) if it is none."""

    def recall(self, key: str) -> str:
        """What this tab remembers under a name, also after a reload; empty if nothing."""

    def remember(self, key: str, value: str) -> None:
        """Remember for this tab, as well as the browser lets it."""

    def kept(self, key: str) -> str:
        """What this browser keeps for all windows under a name; empty if nothing."""

    def keep(self, key: str, value: str) -> None:
        """Keep for all windows, as well as the browser lets it; an empty value is forgotten."""

    def keep_language(self, language: str) -> None:
        """Remember the language for all windows."""

    def formats(self, language: str) -> Formats:
        """Numbers and times of a language."""

    def is_hidden(self) -> bool:
        """Whether nobody can see this tab now."""

    def is_online(self) -> bool:
        """Whether the browser thinks that this device has a network; a hint that proves nothing."""

    def guard_leaving(self, is_on: bool) -> None:
        """Have the browser ask before the page is left, or no longer."""

    def reload(self) -> None:
        """Load the page again."""


class Hands(Protocol):
    """Who is told what the person does."""

    def act(self, name: str, facts: Facts) -> None:
        """A click on `data-action`, or its key."""

    def change(self, name: str, facts: Facts) -> None:
        """A new choice in `data-change`."""

    def type(self, name: str, facts: Facts) -> None:
        """Something typed in `data-input`."""

    def take_files(self, key: tuple[str, str] | None, files: Sequence[tuple[Blob, str]]) -> None:
        """Files dropped, pasted or chosen, with their names; `key` is the field aimed at, if any."""
