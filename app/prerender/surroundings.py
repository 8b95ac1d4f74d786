"""The ports of a window without a user: an empty store, no sockets, a gateway that only answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from app.browser.fleet import GatewayFleet
from app.core.errors import ConfigError, RequestTimeout, SocketClosed
from app.core.model import PromptId, ServerId, WindowId
from app.core.ports import Ports
from app.core.ports.blobs import TextBlob
from app.core.ports.documents import Changes, DocumentKey
from app.core.ports.fleet import QueuedPrompt
from app.core.ports.http import Request, Response
from app.core.ports.sockets import Connection
from app.core.ports.windows import Identity
from app.core.roster import Roster
from app.session.memory.database import MemoryDatabase
from app.session.memory.store import MemoryStore
from app.ui.settings.notifications import Notification
from wire.new_servers import AddedServer, CheckedServer
from wire.server_stats import ServerStats

FIRST_WINDOW = WindowId("00000000-0000-4000-8000-000000000000")


class Gateway(Protocol):
    """What the gateway answers while it waits for a drawing."""

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a GET."""

    def classes(self, content: str, names: Collection[str]) -> str:
        """Return these classes of a catalogue, by its hash, as one JSON object."""


def make_ports(gateway: Gateway, on_user: Callable[[str | None], None]) -> Ports:
    """The ports of a session that starts, and does nothing else."""
    http, sockets, random = GivenHttp(gateway), NoSockets(), NoRandom()
    store = MemoryStore(MemoryDatabase())
    return Ports(
        http=http,
        transfers=NoTransfers(),
        sockets=sockets,
        store=store,
        past=store,
        windows=OneWindow(),
        fleet=GatewayFleet(http, sockets, random, on_user=on_user),
        clock=StoppedClock(),
        random=random,
        catalogues=GivenCatalogues(gateway),
    )


class GivenHttp:
    """Http that only reads, and only from the gateway itself."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def send(self, request: Request) -> Response:
        """Http.send."""
        status, text = self._answer(request)
        return Response(status, text=text)

    async def fetch(self, request: Request) -> Response:
        """Http.fetch."""
        status, text = self._answer(request)
        return Response(status, blob=TextBlob(text, "application/json"))

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:  # noqa: ARG002
        """Fail: nothing is sent."""
        raise RequestTimeout(None, request.path)

    def _answer(self, request: Request) -> tuple[int, str]:
        if request.method != "GET" or not request.path.startswith(("/fleet", "/workflows")):
            raise RequestTimeout(None, request.path)
        return self._gateway.get(request.path)


class NoTransfers:
    """Places for nothing: a drawing transfers no files."""

    def place(self, path: str) -> AbstractAsyncContextManager[None]:
        """Raise RequestTimeout."""
        raise RequestTimeout(None, path)


class GivenCatalogues:
    """Catalogues of the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def classes(self, content: str, names: Collection[str]) -> str:
        """Catalogues.classes."""
        return self._gateway.classes(content, names)

    async def names(self, content: str) -> tuple[str, ...]:
        """Raise: no first screen lists all classes."""
        raise ConfigError(content)

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        """Raise: a drawing does not make a server work."""
        raise ConfigError(server_id)


class NoSockets:
    """Sockets that do not open."""

    async def open(self, path: str, deadline: float) -> Connection:  # noqa: ARG002
        """Raise SocketClosed."""
        raise SocketClosed(None, path)


class OneWindow:
    """The identity of a new window; it is stored nowhere."""

    async def claim(self) -> Identity:
        """Windows.claim."""
        return Identity(FIRST_WINDOW, is_new=True)

    async def claim_other(self, window_id: WindowId) -> bool:  # noqa: ARG002
        """Windows.claim_other."""
        return False

    async def is_alive(self, window_id: WindowId) -> bool | None:  # noqa: ARG002
        """Windows.is_alive."""
        return None


class StoppedClock:
    """A clock in which no wait ends."""

    def now(self) -> float:
        """The same time for all drawings."""
        return 0.0

    def steady(self) -> float:
        """The same time for all drawings."""
        return 0.0

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002
        """Wait until the drawing is done."""
        await asyncio.Event().wait()


class NoRandom:
    """Equal drawings for equal facts."""

    def uuid4(self) -> str:
        """Always the same."""
        return FIRST_WINDOW

    def fraction(self) -> float:
        """Always the same."""
        return 0.5


class NoDocuments:
    """An empty library."""

    async def read_kind(self, kind: str) -> Mapping[str, str]:  # noqa: ARG002
        """DocumentStore.read_kind."""
        return {}

    async def read_document(self, kind: str, name: str) -> str | None:  # noqa: ARG002
        """DocumentStore.read_document."""
        return None

    async def write_documents(self, changes: Changes) -> None:
        """Keep nothing."""

    async def change_documents(
        self, keys: Collection[DocumentKey], change: Callable[[Mapping[DocumentKey, str]], Changes]
    ) -> None:
        """Keep nothing."""


class NoRoster:
    """No other windows."""

    async def read(self, server_ids: Collection[ServerId]) -> Roster:  # noqa: ARG002
        """RosterSource.read."""
        return Roster(read_at=0.0)

    def forget(self) -> None:
        """RosterSource.forget."""


class NoStats:
    """No stats."""

    async def stats(self) -> Mapping[ServerId, ServerStats]:
        """StatsSource.stats."""
        return {}


class NoSignals:
    """Signals that reach no window."""

    def send(self, kind: str, window_id: WindowId) -> None:
        """Signals.send."""

    def listen(self, hear: Callable[[str, WindowId], None]) -> None:
        """Signals.listen."""


class NoNotifier:
    """Notifications of a page without a user."""

    def permission(self) -> str:
        """As in a new browser."""
        return "default"

    async def ask(self) -> str:
        """Notifier.ask."""
        return "default"

    def notify(self, notification: Notification) -> None:
        """Do nothing."""

    def set_badge(self, count: int) -> None:
        """Set nothing."""

    def has_focus(self) -> bool:
        """Notifier.has_focus."""
        return True


class NoLogin:
    """A login that is not ended here."""

    async def log_out(self, *, is_everywhere: bool, is_wiping: bool) -> None:
        """Do nothing."""

    async def delete_data(self) -> None:
        """Do nothing."""


class NoAdmin:
    """No action of an admin."""

    async def check(self, url: str) -> CheckedServer:  # noqa: ARG002
        """FleetAdmin.check."""
        return CheckedServer()

    async def add(self, url: str, name: str) -> AddedServer:  # noqa: ARG002
        """FleetAdmin.add."""
        return AddedServer()

    async def drain(self, server_id: ServerId, *, is_drained: bool) -> None:
        """FleetAdmin.drain."""

    async def free(self, server_id: ServerId) -> None:
        """FleetAdmin.free."""

    async def queue(self, server_id: ServerId) -> tuple[QueuedPrompt, ...]:  # noqa: ARG002
        """FleetAdmin.queue."""
        return ()

    async def cancel(self, server_id: ServerId, prompt_id: PromptId) -> None:
        """FleetAdmin.cancel."""

    async def rename(self, server_id: ServerId, name: str) -> None:
        """FleetAdmin.rename."""

    async def remove(self, server_id: ServerId) -> None:
        """FleetAdmin.remove."""
