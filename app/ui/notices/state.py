"""Messages: their kinds, and which of them the user has dismissed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.core.errors import MooringError
from app.core.model import Task, Unreadable
from app.session import Noticed
from app.ui.kit.colours import ServerTag
from app.ui.kit.deletions import Deletion
from app.ui.kit.state import Slice
from app.ui.notices.releases import Newer
from app.ui.results.state import LastDownload
from app.ui.runs.stopping import StopOutcome
from app.ui.windows.orphans import Adopted


@dataclass(frozen=True, slots=True)
class NoticesState(Slice):
    dismissed: frozenset[str] = frozenset()  # `key` of notices
    undeleted: int = 0  # deletions that a reload has undone


class NoticeKind(Enum):
    STORE = "store"
    FLEET = "fleet"
    NO_SERVER = "no-server"
    NONE_WELL = "none-well"
    DUPLICATE = "duplicate"
    CHANGED = "changed"  # a server seems to be another one
    QUARANTINE = "quarantine"
    UNREADABLE = "unreadable"
    NEWER = "newer"
    OFFLINE = "offline"
    LOGGED_OUT = "logged-out"
    OTHER_USER = "other-person"
    ERROR = "error"
    DELETED = "deleted"
    UNSENT = "unsent"  # a press of Run from before a reload
    UNDELETED = "undeleted"  # deletions from before a reload
    STOPPED = "stopped"  # what the user has asked to stop
    SEARCHED = "searched"  # work of closed windows
    SAVED = "saved"  # a download that has begun


_DISMISSIBLE = {
    NoticeKind.ERROR,
    NoticeKind.NONE_WELL,
    NoticeKind.NEWER,
    NoticeKind.UNSENT,
    NoticeKind.UNDELETED,
    NoticeKind.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A message above everything else."""

    kind: NoticeKind
    number: int = 0
    error: MooringError | None = None
    tasks: tuple[Task, ...] = ()
    record: Unreadable | None = None
    newer: Newer | None = None
    is_busy: bool = False  # work of this window is under way: do not interrupt the user; or a server is stopping it
    tag: ServerTag | None = None
    noticed: Noticed | None = None
    deletion: Deletion | None = None
    stopped: StopOutcome | None = None
    found: int | None = None  # runs of closed windows; None while they are searched for
    adopted: Adopted | None = None
    saved: LastDownload | None = None

    @property
    def is_brief(self) -> bool:
        """Whether it repeats what the user has just asked for."""
        return self.kind in {NoticeKind.STOPPED, NoticeKind.SEARCHED, NoticeKind.SAVED}

    @property
    def key(self) -> str:
        """The key of its dismissal: its kind, or the event at one server."""
        if self.kind is NoticeKind.NEWER and self.is_busy:
            return f"{self.kind.value} later"  # it comes back when the work is done
        if self.is_brief:
            return f"{self.kind.value} {self.number}"
        if self.noticed is None or self.tag is None:
            return self.kind.value
        return f"{self.kind.value} {self.tag.server_id} {self.noticed.at}"

    @property
    def leaves(self) -> bool:
        """Whether it only informs, and leaves by itself."""
        is_over = self.is_brief and not (self.kind is NoticeKind.STOPPED and self.is_busy)
        return self.kind in {NoticeKind.DUPLICATE, NoticeKind.CHANGED} or is_over

    @property
    def can_be_dismissed(self) -> bool:
        return self.leaves or self.kind in _DISMISSIBLE

    @property
    def wants_reload(self) -> bool:
        """Whether the user should reload the page."""
        if self.kind is NoticeKind.NEWER:
            return self.newer is not Newer.STORED and not self.is_busy
        return self.kind in {NoticeKind.STORE, NoticeKind.OTHER_USER}


@dataclass(frozen=True, slots=True)
class Notices:
    """The messages about the session and the page."""

    items: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Messages:
    """What the user's own actions have brought about, each until it is dismissed; errors last."""

    items: tuple[Notice, ...]
