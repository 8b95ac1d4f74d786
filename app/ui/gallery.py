"""The pictures on the page: addresses for previews and kept results, made when needed and revoked when not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from app.core.errors import MooringError
from app.core.model import Delivery, PromptId
from app.core.ports import Blob
from app.core.window import Restoring, Window
from app.session import Preview
from app.ui.screen import Screen

log = logging.getLogger("mooring.ui")

ResultKey = tuple[PromptId, int]
ABSENT = ""  # looked for and not there: newer results needed the room


class PictureSource(Protocol):
    """What the gallery reads of a session."""

    @property
    def window(self) -> Restoring | Window | None: ...
    @property
    def previews(self) -> Mapping[PromptId, Preview]: ...
    async def read_result(self, prompt_id: PromptId, index: int = 0) -> Blob | None: ...


class Gallery:
    """Keeps one address per shown picture. `refresh` follows the session; the rest only answers."""

    def __init__(
        self,
        source: PictureSource,
        screen: Screen,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._source = source
        self._screen = screen
        self._spawn = spawn
        self._changed = changed
        self._previews: dict[PromptId, tuple[int, str]] = {}
        self._outgoing: dict[PromptId, str] = {}  # shown until the newer one is decoded
        self._results: dict[ResultKey, str] = {}
        self._reading: set[ResultKey] = set()

    def preview_url(self, prompt_id: PromptId) -> str:
        """The latest preview's address, or nothing."""
        return self._previews.get(prompt_id, (0, ""))[1]

    def result_url(self, prompt_id: PromptId, index: int) -> str | None:
        """A kept result's address; empty if it is not kept any more, None while it is being read."""
        return self._results.get((prompt_id, index))

    def refresh(self) -> None:
        """Make addresses for what is new and let go of what has gone."""
        self._refresh_previews()
        self._refresh_results()

    def _refresh_previews(self) -> None:
        for prompt_id, preview in self._source.previews.items():
            serial, url = self._previews.get(prompt_id, (None, ""))
            if serial != preview.serial:
                self._revoke(self._outgoing.pop(prompt_id, ""))
                self._outgoing[prompt_id] = url
                self._previews[prompt_id] = (
                    preview.serial,
                    self._screen.object_url(preview.blob, preview.media_type),
                )
        for prompt_id in [item for item in self._previews if item not in self._source.previews]:
            self._revoke(self._previews.pop(prompt_id)[1])
            self._revoke(self._outgoing.pop(prompt_id, ""))

    def _refresh_results(self) -> None:
        window = self._source.window
        if not isinstance(window, Window):
            return
        kept = {
            (task.prompt_id, index): output.media_type
            for task in window.tasks.values()
            for index, output in enumerate(task.outputs)
            if output.delivery is Delivery.KEPT
        }
        for key in [item for item in self._results if item not in kept]:
            self._revoke(self._results.pop(key))
        for key, media_type in kept.items():
            if key not in self._results and key not in self._reading:
                self._reading.add(key)
                self._spawn(self._read(key, media_type))

    async def _read(self, key: ResultKey, media_type: str) -> None:
        try:
            blob = await self._source.read_result(*key)
            self._results[key] = ABSENT if blob is None else self._screen.object_url(blob, media_type)
        except MooringError as error:
            log.warning("kept result not read: %r", error)
            self._results[key] = ABSENT
        finally:
            self._reading.discard(key)
        self._changed()

    def _revoke(self, url: str) -> None:
        if url:
            self._screen.revoke_url(url)
