"""Has servers download models, for the user."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from app.core.downloads import (
    check_accepted,
    download_cancel_request,
    download_request,
    download_task_request,
    read_download,
)
from app.core.errors import ConnectError
from app.core.model import Server, ServerId
from app.session.state import State
from wire.downloads import DownloadTask


class ModelDownloads:
    """Downloads at the fleet's servers. Each call raises GatewayRefused, TransportError or ComfyError."""

    def __init__(self, state: State, refresh: Callable[[ServerId], Coroutine[Any, Any, None]]) -> None:
        self._state = state
        self.refresh = refresh  # a server's catalogue, which lists the new model after a download

    async def start(self, server_id: ServerId, source: str, folder: str) -> DownloadTask:
        """Have a server download a file into a folder of models."""
        request = download_request(self._server(server_id).base, source, folder)
        return read_download(await self._state.ports.http.send(request), server_id)

    async def poll(self, server_id: ServerId, task_id: str) -> DownloadTask:
        """Return how far a download is."""
        request = download_task_request(self._server(server_id).base, task_id)
        return read_download(await self._state.ports.http.send(request), server_id)

    async def cancel(self, server_id: ServerId, task_id: str) -> None:
        request = download_cancel_request(self._server(server_id).base, task_id)
        check_accepted(await self._state.ports.http.send(request), server_id)

    def _server(self, server_id: ServerId) -> Server:
        server = self._state.servers.fleet.get(server_id)
        if server is None:
            raise ConnectError(server_id, "not_in_fleet")
        return server
