"""Workflows that are published by the installation, or saved on a server by its editor. They are only read.

Reading a server's saved workflows does not lock the window, and works with any server that the user picks.
"""

from __future__ import annotations

from app.core import saved
from app.core.errors import BadInput, ConfigError, HttpStatusError, NoServerAvailable, SourceFault
from app.core.model import Server, ServerId
from app.core.ports.blobs import Blob
from app.core.ports.http import Request, Response
from app.core.saved import PublishedFile
from app.session.state import State


class WorkflowFiles:
    """Lists such workflows and fetches them."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def published(self) -> tuple[PublishedFile, ...]:
        """Return the published files in their order; ConfigError or TransportError if there is no valid answer."""
        return saved.read_published(await self._state.ports.http.send(saved.published_request()))

    async def read_published(self, path: str) -> Blob:
        """Return a published file; BadInput if it is no longer published."""
        response = await self._fetch(saved.published_file_request(path))
        if response.blob is None or response.status == 404:
            raise BadInput(SourceFault.GONE.value, path)
        if response.status != 200:
            raise ConfigError(f"{path} answered {response.status}")
        return response.blob

    async def saved(self, server_id: ServerId) -> tuple[str, ...]:
        """Return the names of a server's saved workflows."""
        request = saved.saved_request(self._server(server_id))
        return saved.read_saved(await self._state.ports.http.send(request), server_id)

    async def read_saved(self, server_id: ServerId, name: str) -> Blob:
        """Return a saved workflow; BadInput if it no longer exists."""
        response = await self._fetch(saved.saved_file_request(self._server(server_id), name))
        if response.blob is None or response.status == 404:
            raise BadInput(SourceFault.GONE.value, name)
        if response.status != 200:
            raise HttpStatusError(server_id, response.status)
        return response.blob

    def _server(self, server_id: ServerId) -> Server:
        server = self._state.servers.fleet.get(server_id)
        if server is None:
            raise NoServerAvailable("saved_workflows", {server_id: "not_in_fleet"})
        return server

    async def _fetch(self, request: Request) -> Response:
        return await self._state.ports.http.fetch(request)
