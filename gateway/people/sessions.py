"""A log-in as a signed cookie: who, since which epoch of theirs, until when. No table of sessions is kept anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie

from gateway.people.accounts import Account, Accounts
from gateway.people.keys import Keys
from gateway.people.person import NAME

DAY = 86_400.0  # seconds
_VALUE = re.compile(rf"({NAME.pattern})~([0-9]{{1,9}})~([0-9]{{1,12}})~([0-9a-f]{{64}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Writes and reads the cookies of one origin, however many gateways stand behind it.

    Browsers send the cookies of all ports: the name tells.
    """

    keys: Keys
    is_tls: bool
    port: int
    days: int

    @property
    def cookie(self) -> str:
        """The cookie's name. Over TLS a browser itself guards `__Host-`: no other host, no path, only secure."""
        return "__Host-mooring" if self.is_tls else f"mooring-{self.port}"

    def begin(self, account: Account, now: float) -> str:
        """The `Set-Cookie` of a session that begins now (seconds since 1970)."""
        seconds = int(self.days * DAY)
        until = str(int(now) + seconds)
        mark = self.keys.sign("session", account.name, str(account.epoch), until)
        return self._set(f"{account.name}~{account.epoch}~{until}~{mark}", seconds)

    def end(self) -> str:
        """The `Set-Cookie` that forgets the session."""
        return self._set("", 0)

    def read(self, headers: Iterable[str], accounts: Accounts, now: float) -> Account | None:
        """Whose session these `Cookie` headers hold, if it is signed, not over, and of the account's own epoch."""
        for value in _values(headers, self.cookie):
            found = _VALUE.fullmatch(value)
            if found is None:
                continue
            name, epoch, until, mark = found.groups()
            account = accounts.get(name)
            if not self.keys.is_signed(mark, "session", name, epoch, until) or account is None:
                continue
            if int(until) > now and int(epoch) == account.epoch:
                return account
        return None

    def is_half_over(self, headers: Iterable[str], now: float) -> bool:
        """Whether a session that was just read should be begun anew, so that whoever works here daily stays in."""
        found = [match for value in _values(headers, self.cookie) if (match := _VALUE.fullmatch(value))]
        return bool(found) and max(int(match[3]) for match in found) - now < self.days * DAY / 2

    def _set(self, value: str, seconds: int) -> str:
        jar: SimpleCookie = SimpleCookie()
        jar[self.cookie] = value
        morsel: Morsel[str] = jar[self.cookie]
        morsel["path"], morsel["httponly"], morsel["samesite"], morsel["max-age"] = "/", True, "Lax", seconds
        if self.is_tls:
            morsel["secure"] = True
        return morsel.OutputString()


def _values(headers: Iterable[str], name: str) -> Iterable[str]:
    for header in headers:
        for part in header.split(";"):
            key, equals, value = part.strip().partition("=")
            if equals and key == name:
                yield value.strip('"')
