"""A server that is added in the panel *Fleet*: what was typed, and the gateway's answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.errors import MooringError
from app.core.model import Fleet, LocalServer
from wire.health import Health
from wire.new_servers import AddedServer, CheckedServer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewServer:
    """What is typed as a new server, and what the gateway answered. `name` is None until it is edited."""

    url: str = ""
    name: str | None = None
    is_busy: bool = False
    checked: CheckedServer | None = None
    added: AddedServer | None = None
    error: MooringError | None = None
    removed: str = ""  # the name of the server that has just been removed, and that its address would bring back

    @property
    def shown_name(self) -> str:
        """The name that it gets."""
        known = "" if self.checked is None else self.checked.name
        return known if self.name is None else self.name

    @property
    def can_be_kept(self) -> bool:
        """Whether a server is, or may be, at the address, and is not in the fleet."""
        found = self.checked
        return (
            found is not None
            and found.fault is None
            and not found.is_known
            and found.health is not Health.NOT_COMFYUI
            and self.added is None
        )


@dataclass(frozen=True, slots=True)
class AddingView:
    """What an admin sees above the list of servers. `local` are servers that were found on this machine."""

    new: NewServer = field(default_factory=NewServer)
    local: tuple[LocalServer, ...] = ()
    is_demo: bool = False  # demo servers stand in for real ones


def adding_view(new: NewServer, fleet: Fleet) -> AddingView:
    return AddingView(new, fleet.local, is_demo=fleet.source == "demo")
