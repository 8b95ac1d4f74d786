"""The page's images: object URLs for previews, thumbnails and results, created when needed and revoked afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import MooringError
from app.core.model import Delivery, Output, PromptId, Task
from app.core.ports.blobs import Blob
from app.session import Preview, Session
from app.ui.kit.screen import Screen
from app.ui.kit.thumbnails import Glimpses, ReadInput
from wire.media import has_thumbnail, type_of

log = logging.getLogger("mooring.ui")

ResultKey = tuple[PromptId, int]
Mark = tuple[Delivery, int]  # of the result when its thumbnail was read; a changed one may have lost its thumbnail
ABSENT = ""  # searched for and not found


@dataclass(frozen=True, slots=True)
class Original:
    """The address of a result's own bytes. `is_coming` while its server is asked for them, `error` is why
    that failed."""

    url: str = ""
    is_coming: bool = False
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class ShownPreview:
    """Whether a running task has a preview, drawn by `static/js/previews.js`. An animated one has the addresses of its
    latest frame and of all in order, and how many are shown in a second (`static/js/animation.js`)."""

    is_there: bool = False
    url: str = ""
    frames: tuple[str, ...] = ()
    rate: int = 0

    @property
    def frame_list(self) -> str:
        """The frames' addresses, separated by spaces."""
        return " ".join(self.frames)


NO_PREVIEW = ShownPreview()


class ImageAddresses:
    """Keeps one address per shown image. `refresh` follows the session; the other methods only look up.

    A result that is not kept here is fetched only while it is shown large, and released after that.
    """

    def __init__(
        self,
        source: Session,
        screen: Screen,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
        *,
        read_input: ReadInput,
    ) -> None:
        self._source = source
        self._screen = screen
        self._spawn = spawn
        self._changed = changed
        self._previews: dict[PromptId, ShownPreview] = {}
        self._drawn: dict[PromptId, int] = {}  # the serials of the previews that the screen was given
        self._pictures: dict[PromptId, dict[int, str]] = {}  # addresses of an animation, by serial
        self._outgoing: dict[PromptId, list[str]] = {}  # shown until the newer ones are decoded
        self._kept: dict[ResultKey, str] = {}
        self._small: dict[ResultKey, str] = {}
        self._marks: dict[ResultKey, Mark] = {}
        self._given: dict[str, str] = {}
        self._fetched: dict[ResultKey, Original] = {}
        self._reading: set[tuple[str, ResultKey]] = set()
        self._glimpses = Glimpses(
            screen, spawn, changed, read_thumbnail=source.results.read_thumbnail, read_input=read_input
        )

    def take(self, urls: Mapping[str, str]) -> None:
        """Take over thumbnails that are shown already, by the names of results; revoke those of other results."""
        self._given = dict(urls)

    def preview(self, prompt_id: PromptId) -> ShownPreview:
        """Return the latest preview."""
        return self._previews.get(prompt_id, NO_PREVIEW)

    def small_url(self, prompt_id: PromptId, index: int) -> str:
        """Return a thumbnail's address, or an empty string."""
        return self._small.get((prompt_id, index), ABSENT)

    def glimpse_url(self, prompt_id: PromptId) -> str:
        """Return the address of a small image of an orphan, or an empty string."""
        return self._glimpses.url(prompt_id)

    def original(self, prompt_id: PromptId, index: int) -> Original:
        """Return a result's own bytes, as far as they can be shown."""
        key = (prompt_id, index)
        return Original(url) if (url := self._kept.get(key)) else self._fetched.get(key, Original())

    def keep_drawing(self, prompt_id: PromptId, index: int, drawing: Blob) -> None:
        """Keep what a 3D model looks like, if there is nothing yet, for its card and the album."""
        key = (prompt_id, index)
        if not self._small.get(key):
            self._begin("drawing", key, self._keep_drawing(key, drawing))

    def refresh(self, large: ResultKey | None = None, past: Task | None = None) -> None:
        """Create addresses for new images and revoke those of images that are gone, previews apart.

        `large` is the result shown large, if any, and `past` its task, if no window has that any more.
        """
        self._glimpses.refresh(item.task for item in self._source.orphans)
        if self._source.windows:
            tasks = [task for window in self._source.windows for task in window.tasks.values()]
            ended = {
                (task.prompt_id, index): output
                for task in (*tasks, *([past] if past is not None else []))
                for index, output in enumerate(task.delivery.outputs)
                if output.delivery is not Delivery.PENDING
            }
            self._show_fresh(ended)
            self._refresh_kept(ended)
            self._refresh_small(ended)
            self._refresh_fetched(ended, large)

    def refresh_previews(self, prompt_ids: Collection[PromptId] | None = None, *, has_previews: bool = True) -> None:
        """Show new previews, of these tasks or of all, and forget those of others."""
        previews = self._source.previews if has_previews else {}
        for prompt_id, preview in previews.items():
            if prompt_ids is not None and prompt_id not in prompt_ids:
                continue
            if preview.frames:
                self._refresh_frames(prompt_id, preview)
            else:
                self._draw_preview(prompt_id, preview)
        for prompt_id in [item for item in self._previews if item not in previews]:
            del self._previews[prompt_id]
            self._forget_preview(prompt_id)

    def _draw_preview(self, prompt_id: PromptId, preview: Preview) -> None:
        """Have a preview drawn; those after it follow by themselves if they name their prompt."""
        before = self._drawn.get(prompt_id)
        if before is None:
            self._forget_preview(prompt_id)  # an animation
        is_due = before is None or (before != preview.serial and not preview.is_named)
        if is_due and not self._screen.show_preview(prompt_id, preview.blob):
            return
        self._drawn[prompt_id] = preview.serial
        self._previews[prompt_id] = ShownPreview(is_there=True)

    def _refresh_frames(self, prompt_id: PromptId, preview: Preview) -> None:
        """Create addresses for the new frames of an animation, and revoke those of earlier ones."""
        if prompt_id in self._drawn:
            self._forget_preview(prompt_id)
        known = self._pictures.get(prompt_id, {})
        if preview.serial in known:
            return
        for url in self._outgoing.get(prompt_id, ()):
            self._revoke(url)
        pictures = {frame.serial: frame for frame in preview.frames.values()}
        self._outgoing[prompt_id] = [url for serial, url in known.items() if serial not in pictures]
        urls = {
            serial: known.get(serial) or self._screen.object_url(item.blob, item.media_type)
            for serial, item in pictures.items()
        }
        frames = tuple(urls[frame.serial] for _, frame in sorted(preview.frames.items()))
        self._pictures[prompt_id] = urls
        self._previews[prompt_id] = ShownPreview(True, urls[preview.serial], frames, preview.rate)

    def _forget_preview(self, prompt_id: PromptId) -> None:
        if self._drawn.pop(prompt_id, None) is not None:
            self._screen.forget_preview(prompt_id)
        for url in (*self._pictures.pop(prompt_id, {}).values(), *self._outgoing.pop(prompt_id, ())):
            self._revoke(url)

    def _show_fresh(self, ended: Mapping[ResultKey, Output]) -> None:
        """Make addresses for what was delivered since the last time, so that it is drawn with its record."""
        for key, fresh in self._source.results.take_fresh().items():
            output = ended.get(key)
            if output is not None and fresh.original is not None and key not in self._kept:
                self._kept[key] = self._screen.object_url(fresh.original, _type(output))
            if output is not None and fresh.thumbnail is not None and key not in self._small:
                self._small[key] = self._screen.object_url(fresh.thumbnail)
                self._marks[key] = self._mark(output)

    def _mark(self, output: Output) -> Mark:
        return output.delivery, self._source.results.deletions

    def _refresh_kept(self, ended: Mapping[ResultKey, Output]) -> None:
        kept = {key: output for key, output in ended.items() if output.delivery is Delivery.KEPT}
        self._forget(self._kept, kept)
        for key, output in kept.items():
            if key not in self._kept:
                self._begin("kept", key, self._read_kept(key, _type(output)))

    def _refresh_small(self, ended: Mapping[ResultKey, Output]) -> None:
        pictures = {
            key: output
            for key, output in ended.items()
            if output.size and has_thumbnail(output.media_type, output.filename)
        }
        self._forget(self._small, pictures)
        self._marks = {key: mark for key, mark in self._marks.items() if key in pictures}
        for key, output in pictures.items():
            mark = self._mark(output)
            if url := self._given.pop(f"{key[0]}/{key[1]}", ""):
                self._small[key], self._marks[key] = url, mark
            elif self._marks.get(key) != mark:
                self._begin("small", key, self._read_small(key, mark))
        while self._given:
            self._revoke(self._given.popitem()[1])

    def _refresh_fetched(self, ended: Mapping[ResultKey, Output], large: ResultKey | None) -> None:
        for key in [key for key in self._fetched if key != large or key not in ended]:
            self._revoke(self._fetched.pop(key).url)
        if large is not None and large in ended and large not in self._fetched and ended[large].delivery.is_fetchable:
            self._fetched[large] = Original(is_coming=True)
            self._spawn(self._fetch(large, _type(ended[large])))

    def _begin(self, what: str, key: ResultKey, work: Coroutine[Any, Any, None]) -> None:
        if (what, key) in self._reading:
            work.close()
            return
        self._reading.add((what, key))
        self._spawn(self._finish(what, key, work))

    async def _finish(self, what: str, key: ResultKey, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self._reading.discard((what, key))
        self._changed()

    async def _read_kept(self, key: ResultKey, media_type: str) -> None:
        blob = await self._read(self._source.results.read(*key))
        self._kept[key] = ABSENT if blob is None else self._screen.object_url(blob, media_type)
        if blob is None:
            self._source.results.refresh_soon()  # its record is not updated yet

    async def _read_small(self, key: ResultKey, mark: Mark) -> None:
        blob = await self._read(self._source.results.read_thumbnail(*key))
        self._revoke(self._small.pop(key, ABSENT))
        self._small[key] = ABSENT if blob is None else self._screen.object_url(blob)
        self._marks[key] = mark

    async def _keep_drawing(self, key: ResultKey, drawing: Blob) -> None:
        try:
            await self._source.results.keep_drawing(*key, drawing)
        except MooringError as error:
            log.info("a drawing was not kept: %r", error)
        self._marks.pop(key, None)

    async def _read(self, reading: Coroutine[Any, Any, Blob | None]) -> Blob | None:
        try:
            return await reading
        except MooringError as error:
            log.warning("a kept picture was not read: %r", error)
            return None

    async def _fetch(self, key: ResultKey, media_type: str) -> None:
        try:
            blob = await self._source.results.fetch(*key)
            error = None
        except MooringError as refused:
            log.info("not fetched: %r", refused)
            blob, error = None, refused
        if (shown := self._fetched.get(key)) is not None:
            self._revoke(shown.url)  # of an earlier fetch, if it was closed and reopened during this one
            url = ABSENT if blob is None else self._screen.object_url(blob, media_type)
            self._fetched[key] = Original(url, error=error)
        self._changed()

    def _forget(self, urls: dict[ResultKey, str], known: Mapping[ResultKey, Output]) -> None:
        for key in [key for key in urls if key not in known]:
            self._revoke(urls.pop(key))

    def _revoke(self, url: str) -> None:
        if url:
            self._screen.revoke_url(url)


def _type(output: Output) -> str:
    """The type under which the page shows it: an image without one that names it stays blank."""
    return type_of(output.media_type, output.filename)
