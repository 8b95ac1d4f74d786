"""Lists of choices on a server, fetched for the fields on the page from the server that the form is sent to.

They are refreshed when that server's catalogue changes, and when a task of this window ends, since tasks write files.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from app.core.errors import MooringError
from app.core.model import Server, ServerId
from app.core.window import Window
from app.session import Session
from app.ui.form.changes import know
from app.ui.form.state import FieldView, FormState, RemoteList
from app.ui.kit.context import PageContext
from app.workflows.forms.kinds import Choice, Upload
from wire.health import Health

log = logging.getLogger("mooring.ui")


class RemoteLists:
    """Fetches missing lists at each redraw."""

    def __init__(self, session: Session, context: PageContext) -> None:
        self._session = session
        self._context = context
        self._asked: dict[str, tuple[object, ...]] = {}  # by route: the server and its state

    def refresh(self, fields: Iterable[FieldView]) -> None:
        """Fetch the missing lists of these fields in the background."""
        routes = {route_of(view) for view in fields} - {""}
        server = self._server() if routes else None
        if server is None:
            return
        window = self._session.window
        ended = sum(task.state.is_end for task in window.tasks.values()) if isinstance(window, Window) else 0
        state = server.server_id, server.catalogue, server.files, ended
        for route in routes:
            if self._asked.get(route) != state:
                self._asked[route] = state
                self._context.spawn(self._read(server.server_id, route, state))

    def _server(self) -> Server | None:
        fleet, window = self._session.fleet, self._session.window
        locked = window.window_locked_server if isinstance(window, Window) else None
        if locked is not None:
            return fleet.get(locked)
        return next((item for item in fleet.servers if item.health is Health.WELL), None)

    async def _read(self, server_id: ServerId, route: str, state: tuple[object, ...]) -> None:
        try:
            found = RemoteList(await self._session.choices(server_id, route))
        except MooringError as error:
            log.info("no list of choices from %s: %r", server_id, error)
            found = RemoteList(error=error)
        if self._asked.get(route) == state:
            know(self._context, lists={**self._context.ui.of(FormState).known.lists, route: found})


def route_of(view: FieldView) -> str:
    """Return the route of a field's choices, if they are not in the catalogue."""
    match view.field.kind:
        case Choice(remote_route=route) | Upload(remote_route=route):
            return route
    return ""
