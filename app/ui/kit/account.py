"""The user of this page, and whether the user is still logged in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.ui.kit.state import Slice


class Presence(Enum):
    """Who is logged in in this browser now."""

    IN = "in"  # the owner of this page; also where users do not log in
    OUT = "out"  # no user
    OTHER = "other"  # another user, who has logged in beside this page


@dataclass(frozen=True, slots=True)
class Account(Slice):
    """The owner of this page; an empty name where users do not log in.

    `has_login` if users log in here and not at a proxy; `runs_fleet` if the user may administer the fleet;
    `has_copies` if a copy of a login stays valid after the logout.
    """

    name: str = ""
    has_login: bool = False
    runs_fleet: bool = False
    presence: Presence = Presence.IN
    has_copies: bool = False

    @property
    def can_log_out(self) -> bool:
        """Whether the user can log out here."""
        return bool(self.name) and self.has_login
