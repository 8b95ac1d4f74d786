"""The ports of a page without a gateway: requests go to each server's own address, and errors name that server.

The page itself gives the answers that otherwise come from a gateway (`DirectFleet`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from app.browser.direct_fleet import DirectFleet
from app.core.comfy import loads_request
from app.core.errors import TransportError
from app.core.model import ServerId
from app.core.ports.fleet import Catalogues
from app.core.ports.http import Http, Request, Response
from app.core.ports.sockets import Connection, Sockets


class DirectHttp:
    """The core's `Http` around another one."""

    def __init__(self, http: Http, fleet: DirectFleet) -> None:
        self._http, self._fleet = http, fleet

    async def send(self, request: Request) -> Response:
        """Send, and read the answer as text."""
        if request.path == loads_request().path:
            return await self._fleet.loads()
        with _named(self._fleet, request.path):
            return await self._http.send(request)

    async def fetch(self, request: Request) -> Response:
        """Send, and keep the answer's body as a Blob."""
        with _named(self._fleet, request.path):
            return await self._http.fetch(request)

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        """Send a form; `on_progress` gets the fraction sent, 0 to 1."""
        with _named(self._fleet, request.path):
            return await self._http.upload(request, on_progress)


class DirectSockets:
    """The core's `Sockets` around another one."""

    def __init__(self, sockets: Sockets, fleet: DirectFleet) -> None:
        self._sockets, self._fleet = sockets, fleet

    async def open(self, path: str, deadline: float) -> Connection:
        """An open connection to a server's own address, or SocketClosed."""
        with _named(self._fleet, path):
            return await self._sockets.open(path, deadline)


class DirectCatalogues:
    """The core's `Catalogues` around another one: catalogues are read from the servers themselves."""

    def __init__(self, kept: Catalogues, fleet: DirectFleet) -> None:
        self._kept, self._fleet = kept, fleet

    async def classes(self, content: str, names: Collection[str]) -> str:
        """The JSON object of those classes that exist."""
        return await self._kept.classes(content, names)

    async def names(self, content: str) -> tuple[str, ...]:
        """All class names."""
        return await self._kept.names(content)

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        """Reread that server's catalogue; return the hashes of its nodes and of its lists of files."""
        return await self._fleet.read_catalogue(server_id)


@contextmanager
def _named(fleet: DirectFleet, path: str) -> Iterator[None]:
    """Add the server to raised errors: a full URL names none by itself."""
    try:
        yield
    except TransportError as error:
        error.server_id = error.server_id or fleet.server_at(path)
        raise
