"""Downloads of models that a server lacks: the user confirms one, the page starts it, polls it, and can cancel it.

A download continues on its server whatever the page does. The tab remembers those under way, and polls them after a
reload. It does not use the server's events about downloads, which name no owner and go to every socket.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from app.core.errors import HttpStatusError, MooringError, TransportError
from app.core.model import Fleet, ServerId
from app.session.model_downloads import ModelDownloads
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, attempt, set_slices
from app.ui.kit.screen import Screen
from app.ui.kit.state import Dialog, Slice
from wire.downloads import DownloadStatus, DownloadTask

log = logging.getLogger("mooring.ui")

STORE_KEY = "mooring.downloads"
POLL_INTERVAL = 1.5  # seconds
SILENT_INTERVAL = 6.0  # while the server does not answer
_NO_ROUTE = frozenset({404, 405})

DownloadKey = tuple[ServerId, str, str]  # server, folder and file name


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One download. `error` says why it was not started or is no longer polled, `message` what the server says about a
    failure."""

    server_id: ServerId
    folder: str
    name: str
    task_id: str = ""  # empty until the server has accepted it
    status: DownloadStatus = DownloadStatus.CREATED
    done: int = 0  # bytes
    total: int = 0  # 0 if unknown
    message: str = ""
    error: MooringError | None = None
    is_silent: bool = False  # the server does not answer at present

    @property
    def key(self) -> DownloadKey:
        return self.server_id, self.folder, self.name

    @property
    def fraction(self) -> float | None:
        """The part that is done; None if unknown."""
        return min(1.0, self.done / self.total) if self.done and self.total else None

    @property
    def is_under_way(self) -> bool:
        return self.error is None and not self.status.is_end

    @property
    def is_unable(self) -> bool:
        """Whether the server has no route for downloads, although it announced them."""
        return not self.task_id and isinstance(self.error, HttpStatusError) and self.error.status in _NO_ROUTE

    def with_task(self, task: DownloadTask) -> Download:
        """Return the download in the state that its server reports."""
        return replace(
            self,
            task_id=self.task_id or task.task_id,
            status=task.status,
            done=task.done or self.done,
            total=task.total or self.total,
            message=task.message,
            is_silent=False,
        )


@dataclass(frozen=True, slots=True)
class DownloadsState(Slice):
    """The downloads of this tab: for each model and server, the one under way or the latest that ended."""

    downloads: Mapping[DownloadKey, Download] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DownloadDialog(Dialog):
    """The question before a server downloads a model. Exactly what it shows is requested."""

    server_id: ServerId
    server: str  # its name
    name: str
    folder: str
    source: str
    size: int = 0


class DownloadActions:
    """Starts, polls and cancels downloads."""

    def __init__(
        self,
        at_servers: ModelDownloads,
        fleet: Callable[[], Fleet],
        context: PageContext,
        screen: Screen,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._at_servers = at_servers
        self._fleet = fleet
        self._context = context
        self._screen = screen
        self._sleep = sleep

    def load(self) -> None:
        """Continue to poll the downloads that were under way before a reload."""
        found = {item.key: item for item in read_downloads(self._screen.recall(STORE_KEY))}
        if found:
            self._show(found)
        for item in found.values():
            self._context.spawn(self._follow(item))

    @action("ask-download")
    def ask(self, server: ServerId, name: str, folder: str, source: str, size: int = 0) -> None:
        """Show the whole address, and ask whether the server may download from it."""
        known = self._fleet().get(server)
        title = known.name if known is not None else str(server)
        dialog = DownloadDialog(server, title, name, folder, source, size)
        self._context.set_ui(replace(self._context.ui, dialog=dialog))

    @action("download-model")
    async def download(self) -> None:
        """Have the server download what the dialog shows."""
        dialog = self._context.ui.dialog
        if not isinstance(dialog, DownloadDialog):
            return
        self._context.set_ui(replace(self._context.ui, dialog=None))
        item = Download(server_id=dialog.server_id, folder=dialog.folder, name=dialog.name, total=dialog.size)
        known = self._downloads.get(item.key)
        if known is not None and known.is_under_way:
            return
        self._set(item)
        try:
            task = await self._at_servers.start(item.server_id, dialog.source, item.folder)
        except MooringError as error:
            log.warning("the download was not started: %r", error)
            self._set(replace(item, error=error))
            return
        item = item.with_task(task)
        self._set(item)
        if item.status.is_end:
            self._end(item)
        else:
            self._context.spawn(self._follow(item))

    @action("cancel-download")
    async def cancel(self, server: ServerId, folder: str, name: str) -> None:
        """Cancel a download on its server."""
        item = self._downloads.get((server, folder, name))
        if item is None or not item.task_id:
            return
        await self._at_servers.cancel(server, item.task_id)
        if self._is_current(item):
            self._show({key: other for key, other in self._downloads.items() if key != item.key})

    async def _follow(self, item: Download) -> None:
        """Poll a download until it ends or the server forgets it."""
        while item.is_under_way:
            await self._sleep(SILENT_INTERVAL if item.is_silent else POLL_INTERVAL)
            if not self._is_current(item):
                return
            try:
                item = item.with_task(await self._at_servers.poll(item.server_id, item.task_id))
            except TransportError as error:
                log.info("no answer about a download: %r", error)
                item = replace(item, is_silent=True)
            except MooringError as error:
                log.warning("a download is no longer polled: %r", error)
                item = replace(item, error=error)
            if not self._is_current(item):
                return
            self._set(item)
        self._end(item)

    def _end(self, item: Download) -> None:
        if item.status is not DownloadStatus.FAILED:  # a download that the server has forgotten may have succeeded
            attempt(self._context, self._at_servers.refresh(item.server_id))

    def _is_current(self, item: Download) -> bool:
        known = self._downloads.get(item.key)
        return known is not None and known.task_id == item.task_id

    @property
    def _downloads(self) -> Mapping[DownloadKey, Download]:
        return self._context.ui.of(DownloadsState).downloads

    def _set(self, item: Download) -> None:
        self._show({**self._downloads, item.key: item})

    def _show(self, downloads: Mapping[DownloadKey, Download]) -> None:
        set_slices(self._context, DownloadsState(downloads))
        self._screen.remember(STORE_KEY, dump_downloads(downloads))


def dump_downloads(downloads: Mapping[DownloadKey, Download]) -> str:
    """Return the downloads under way as text that the tab stores."""
    items = [item for item in downloads.values() if item.task_id and item.is_under_way]
    names = ("server_id", "folder", "name", "task_id", "done", "total")
    return json.dumps([{name: getattr(item, name) for name in names} for item in items]) if items else ""


def read_downloads(text: str) -> tuple[Download, ...]:
    """Read what the tab has stored; nothing if that is invalid."""
    try:
        return tuple(
            Download(
                server_id=ServerId(str(item["server_id"])),
                folder=str(item["folder"]),
                name=str(item["name"]),
                task_id=str(item["task_id"]),
                status=DownloadStatus.RUNNING,
                done=int(item["done"]),
                total=int(item["total"]),
            )
            for item in json.loads(text)
        )
    except (ValueError, KeyError, TypeError):
        return ()
