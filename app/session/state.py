"""What the parts of a session share: the context, and in it the servers, the records, and what is shown live."""

from __future__ import annotations

from app.core.ports import Ports
from app.core.ports.windows import Identity
from app.session.context import Context
from app.session.live import Live
from app.session.records import Records
from app.session.servers import Servers


class State(Context):
    """A session's context with what it knows; each of the three is changed by its own methods alone."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self.servers = Servers(self)
        self.live = Live(self)
        self.records = Records(self, self.live)
        self.identity: Identity | None = None
