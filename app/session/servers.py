"""The servers as the gateway reports them, and in which order each is sent requests."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from app.core.busy import busy_in_front
from app.core.errors import MooringError
from app.core.model import Fleet, Reservation, ServerId, Task
from app.core.ports.http import Request, Response
from app.session.context import Context


class Servers:
    """The fleet, and two lanes to each server: a hung request may not use up the browser's connections."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._fleet = Fleet()
        self._error: MooringError | None = None
        self.has_fleet = asyncio.Event()  # until the gateway has answered, no server is known, and none has moved
        self._control: defaultdict[ServerId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._bulk: defaultdict[ServerId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._busy_until: dict[ServerId, float] = {}  # by `Clock.steady`

    # The fleet

    @property
    def fleet(self) -> Fleet:
        """The servers, as the gateway last reported them."""
        return self._fleet

    @property
    def fleet_error(self) -> MooringError | None:
        """Why the fleet is unknown."""
        return self._error

    def reported(self, fleet: Fleet, tasks: Iterable[Task]) -> None:
        """Take over what the gateway reports; servers that the user confirmed in these tasks stay the same."""
        self._error, self._fleet = None, fleet
        self.confirmed(tasks)
        self.has_fleet.set()

    def failed(self, error: MooringError) -> None:
        """Note why the gateway reports no fleet now."""
        self._error = error

    def confirmed(self, tasks: Iterable[Task]) -> None:
        """Take over the addresses that the user has confirmed for servers that moved."""
        same = {(task.server_id, task.address, task.confirmed_address) for task in tasks if task.confirmed_address}
        self._fleet = replace(self._fleet, same=frozenset(same))

    def confirmed_address(self, place: Reservation) -> str:
        """The other address that the user confirmed as the same server, or an empty text."""
        known = (item[2] for item in self._fleet.same if item[:2] == (place.server_id, place.address))
        return next(known, "")

    # Requests

    def control(self, server_id: ServerId) -> asyncio.Lock:
        """The lane of short requests: one at a time per server, since a hung one may not use up the connections."""
        return self._control[server_id]

    async def ask(self, server_id: ServerId, request: Request) -> Response:
        """Send one short request in its turn, and return the answer. Raises TransportError."""
        async with self.control(server_id):
            return self.noticed_busy(server_id, await self._context.ports.http.send(request))

    def noticed_busy(self, server_id: ServerId, response: Response) -> Response:
        """Note whether something in front of the server asks to be left alone for a while; return the answer."""
        busy = busy_in_front(response, server_id)
        if busy is not None and busy.retry_after is not None:
            self._busy_until[server_id] = self._context.ports.clock.steady() + busy.retry_after
        return response

    def busy_for(self, server_id: ServerId) -> float:
        """The seconds for which that server should not be asked."""
        return max(0.0, self._busy_until.get(server_id, 0.0) - self._context.ports.clock.steady())

    @asynccontextmanager
    async def bulk(self, server_id: ServerId, request: Request) -> AsyncIterator[None]:
        """The lane of uploads and results: one at a time per server, and few of all windows of the browser."""
        async with self._bulk[server_id], self._context.ports.transfers.place(request.path):
            yield
