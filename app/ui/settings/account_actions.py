"""The actions of the account: logging out, with or without deleting the user's data in this browser."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Protocol

from app.core.errors import MooringError
from app.core.ports.fleet import FleetAdmin
from app.session.delivery.results import Results
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.ui.settings.account import Attendance, LogOutDialog

log = logging.getLogger("mooring.ui")


class LoginSession(Protocol):
    """The user's login at the gateway. A logout does not return: the login page replaces this one."""

    async def log_out(self, *, is_everywhere: bool, is_wiping: bool) -> None: ...
    async def delete_data(self) -> None: ...


class AccountActions:
    """Actions on the login; they also keep the slice `Account` current."""

    def __init__(
        self, attendance: Attendance, login: LoginSession, context: PageContext, screen: Screen, kept: Results
    ) -> None:
        self._attendance, self._login, self._context, self._screen, self._kept = (
            attendance,
            login,
            context,
            screen,
            kept,
        )
        attendance.subscribe(self._follow)
        self._follow()

    @action("ask-log-out")
    def ask_log_out(self, everywhere: bool = False) -> None:
        """Ask before the user is logged out here, or in all browsers."""
        self._kept.refresh_soon()
        self._show(LogOutDialog(is_everywhere=everywhere))

    @action("ask-delete-data")
    def ask_delete_data(self) -> None:
        """Ask before the data of a user who is logged out already is deleted."""
        self._kept.refresh_soon()
        self._show(LogOutDialog(is_wiping=True, is_out=True))

    @action("log-out-wipe")
    def choose_wiping(self, checked: bool) -> None:
        """Choose whether what this browser keeps is deleted too."""
        dialog = self._context.ui.dialog
        if isinstance(dialog, LogOutDialog):
            self._show(replace(dialog, is_wiping=checked))

    @action("log-out")
    def log_out(self) -> None:
        dialog = self._context.ui.dialog
        if isinstance(dialog, LogOutDialog) and not dialog.is_under_way:
            self._show(replace(dialog, is_under_way=True))
            self._context.spawn(self._leave(dialog))

    async def _leave(self, dialog: LogOutDialog) -> None:
        self._screen.guard_leaving(False)  # the dialog has asked
        try:
            if dialog.is_out:
                await self._login.delete_data()
            else:
                await self._login.log_out(is_everywhere=dialog.is_everywhere, is_wiping=dialog.is_wiping)
        except MooringError as error:
            log.warning("not logged out: %r", error)
            self._context.set_ui(replace(self._context.ui, dialog=dialog).with_error(error))

    def _follow(self) -> None:
        set_slices(self._context, self._attendance.account)

    def _show(self, dialog: LogOutDialog) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))


@dataclass(frozen=True, slots=True)
class Team:
    """The ports of a gateway with users."""

    attendance: Attendance
    login: LoginSession
    admin: FleetAdmin
