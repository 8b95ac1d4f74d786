"""The page's Screen without a browser: it takes the markup of the page's regions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.core.ports.blobs import Blob

NOON = (1970, 1, 1, 12, 0, 0)  # no text of a first screen names a time


class PlainFormats:
    """Numbers as English and Chinese write them; what another language writes differently, its browser draws again."""

    def number(self, value: float, digits: int = 0) -> str:
        """Formats.number."""
        text = f"{value:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if digits else text

    def percent(self, fraction: float) -> str:
        """Formats.percent."""
        return f"{fraction * 100:.0f}%"

    def clock(self, at: float) -> str:  # noqa: ARG002
        """Formats.clock."""
        return ""

    def moment(self, at: float) -> str:  # noqa: ARG002
        """Formats.moment."""
        return ""

    def size(self, count: int) -> str:
        """Formats.size."""
        return f"{count} B"


class DrawnScreen:
    """What the page has drawn last: `regions` by the ids of their elements, and the rest of the change."""

    def __init__(self, workflow: str = "") -> None:
        self._workflow = workflow
        self.regions: dict[str, str] = {}
        self.facts: dict[str, Any] = {}
        self.drawings = 0

    def update(self, change: Mapping[str, Any]) -> bool:
        """Take over what has changed."""
        self.drawings += 1
        self.regions |= change.get("regions", {})
        self.facts |= {name: value for name, value in change.items() if name != "regions"}
        return True

    def schedule(self, callback: Callable[[], object], *, is_calm: bool = False) -> None:  # noqa: ARG002
        """Call back soon."""
        asyncio.get_running_loop().call_soon(callback)

    def formats(self, language: str) -> PlainFormats:  # noqa: ARG002
        """Screen.formats."""
        return PlainFormats()

    def local_time(self) -> tuple[int, int, int, int, int, int]:
        """Screen.local_time."""
        return NOON

    def reload(self) -> None:
        """Do nothing."""

    def page_address(self) -> str:
        """Screen.page_address."""
        return ""

    def drawn(self) -> Mapping[str, str]:
        """Screen.drawn."""
        return {}

    def chosen_workflow(self) -> str:
        """Screen.chosen_workflow."""
        return self._workflow

    def take_press(self, press: str) -> None:
        """Do nothing."""

    def end_press(self, press: str) -> None:
        """Do nothing."""

    def early_pictures(self) -> Mapping[str, str]:
        """Screen.early_pictures."""
        return {}

    def give_tags(self, list_id: str, text: str) -> None:
        """Do nothing."""

    def is_hidden(self) -> bool:
        """Screen.is_hidden."""
        return False

    def is_online(self) -> bool:
        """Screen.is_online."""
        return True

    def guard_leaving(self, is_on: bool) -> None:
        """Do nothing."""

    def object_url(self, blob: Blob, media_type: str = "") -> str:  # noqa: ARG002
        """Screen.object_url."""
        return ""

    def revoke_url(self, url: str) -> None:
        """Do nothing."""

    def show_preview(self, prompt_id: str, blob: Blob) -> bool:  # noqa: ARG002
        """Screen.show_preview."""
        return False

    def forget_preview(self, prompt_id: str) -> None:
        """Do nothing."""

    async def measure(self, blob: Blob) -> tuple[int, int]:  # noqa: ARG002
        """Screen.measure."""
        return 0, 0

    async def masked_look(self, blob: Blob) -> Blob | None:  # noqa: ARG002
        """Screen.masked_look."""
        return None

    def recall(self, key: str) -> str:  # noqa: ARG002
        """Screen.recall."""
        return ""

    def remember(self, key: str, value: str) -> None:
        """Remember nothing."""

    def kept(self, key: str) -> str:  # noqa: ARG002
        """Screen.kept."""
        return ""

    def keep(self, key: str, value: str) -> None:
        """Keep nothing."""

    def kept_all(self, prefix: str) -> Mapping[str, str]:  # noqa: ARG002
        """Screen.kept_all."""
        return {}

    def save(self, name: str, text: str) -> None:
        """Do nothing."""

    async def save_results(
        self,
        files: Mapping[str, str],  # noqa: ARG002
        archive: str,  # noqa: ARG002
        *,
        is_bare: bool = False,  # noqa: ARG002
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Screen.save_results."""
        return (), ()

    def save_report(self) -> None:
        """Do nothing."""

    def open_window(self, *, is_private: bool = False) -> None:
        """Do nothing."""

    def language_wishes(self) -> Sequence[str]:
        """Screen.language_wishes."""
        return ("",)
