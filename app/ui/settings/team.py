"""What a page has of its team: whose it is, where they log out, and what those who run the fleet do."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.fleet_admin import FleetAdmin
from app.ui.fleet.admin_actions import DeedActions
from app.ui.kit.screen import Screen
from app.ui.page.context import PageContext
from app.ui.settings.account import Attendance
from app.ui.settings.account_actions import AccountActions, Kept, LogOut


@dataclass(frozen=True, slots=True)
class Team:
    """See the module."""

    attendance: Attendance
    door: LogOut
    deeds: FleetAdmin

    def hands(self, desk: PageContext, screen: Screen, kept: Kept) -> tuple[AccountActions, DeedActions]:
        """The hands on it, for one page."""
        return AccountActions(self.attendance, self.door, desk, screen, kept), DeedActions(self.deeds, desk)
