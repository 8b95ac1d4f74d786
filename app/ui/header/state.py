"""What the header and the tabs show."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.kit.colours import ServerTag
from app.ui.runs.server_picker import WhereServer


@dataclass(frozen=True, slots=True)
class TabsView:
    """What the tabs show: how much is under way or has ended, and whether something needs the user's attention."""

    busy: int = 0
    has_left: bool = False
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderView:
    """The header: which server holds the window, with how much work."""

    is_restoring: bool = True
    is_unreadable: bool = False
    is_unsure: bool = False  # a stored task cannot be read, so the server that holds the window is unknown
    tag: ServerTag | None = None
    others: tuple[ServerTag, ...] = ()  # the other servers that this tab's sessions are moored to
    running: int = 0
    waiting: int = 0
    silent: int = 0  # tasks whose progress is unknown, for lack of a clear answer
    ill: int = 0  # servers that are not well
    is_demo: bool = False  # all servers are demo servers
    can_add: bool = False  # this user may add a server
    is_private: bool = False  # its work is deleted with its page
    is_scripting: bool = False
    chosen: WhereServer | None = None  # for the next run, while no server holds the window
    is_patient: bool = False  # the next run waits for a server that has nothing to do

    @property
    def tags(self) -> list[ServerTag]:
        """The servers that work for this window, its own first."""
        return [*([self.tag] if self.tag is not None else []), *self.others]

    @property
    def is_idle(self) -> bool:
        """Whether nothing of this window is under way, as far as known."""
        return not (self.tags or self.is_restoring or self.is_unreadable or self.is_unsure)

    @property
    def server_ids(self) -> str:
        """Their ids in one text."""
        return " ".join(tag.server_id for tag in self.tags)
