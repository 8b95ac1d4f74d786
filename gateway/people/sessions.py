"""A login as a signed cookie: account, session and end. Only sessions that ended early are stored on the server.

    name~<session id>~<until>~<mark>

The mark is over the account, its epoch, the session's id and its end. A session that is renewed keeps its id, so a
log-out also ends every copy that was renewed (`revocations.py`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie

from gateway.people.accounts import Account, Accounts
from gateway.people.keys import Keys
from gateway.people.user import NAME

DAY = 86_400.0  # seconds
SLACK = 300.0  # seconds by which the clocks of two gateways may differ
_VALUE = re.compile(rf"({NAME.pattern})~([0-9a-f]{{32}})~([0-9]{{1,12}})~([0-9a-f]{{64}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """One login, with its renewals. `until` is in seconds since 1970."""

    account: Account
    id: str
    until: int


@dataclass(frozen=True, slots=True)
class LoginSessions:
    """Writes and reads the cookies of one origin, for any number of gateways behind it.

    Browsers send the cookies of all ports, so the name has the port. `days` is how long a session lasts at most; a
    cookie that claims more is refused, so a shorter time takes effect immediately.
    """

    keys: Keys
    is_tls: bool
    port: int
    days: int
    is_revoked: Callable[[str], bool] = lambda _: False

    @property
    def cookie(self) -> str:
        """The cookie's name. Over TLS, browsers enforce `__Host-`: no other host, no path, only secure."""
        return "__Host-mooring" if self.is_tls else f"mooring-{self.port}"

    def begin(self, account: Account, now: float) -> str:
        """Return the `Set-Cookie` of a session that begins now (seconds since 1970)."""
        return self._write(account, secrets.token_hex(16), now)

    def renew(self, session: Session, now: float) -> str:
        """Return the `Set-Cookie` of the same session with a later end."""
        return self._write(session.account, session.id, now)

    def end(self) -> str:
        """Return the `Set-Cookie` that deletes the session."""
        return self._set("", 0)

    def read(self, headers: Iterable[str], accounts: Accounts, now: float) -> Session | None:
        """Return the session in these `Cookie` headers if it is signed, not over, and matches the account now."""
        for value in cookie_values(headers, self.cookie):
            found = _VALUE.fullmatch(value)
            account = None if found is None else accounts.get(found[1])
            if found is None or account is None:
                continue
            session = Session(account, found[2], int(found[3]))
            is_signed = self.keys.is_signed(found[4], "session", *_parts(session))
            if is_signed and now < session.until <= self._latest(now) and not self.is_revoked(session.id):
                return session
        return None

    def is_half_over(self, session: Session, now: float) -> bool:
        """Return whether it is time to renew a session, so that users who work here daily stay logged in."""
        return session.until - now < self.days * DAY / 2

    def _latest(self, now: float) -> float:
        return now + self.days * DAY + SLACK

    def _write(self, account: Account, session_id: str, now: float) -> str:
        seconds = int(self.days * DAY)
        session = Session(account, session_id, int(now) + seconds)
        mark = self.keys.sign("session", *_parts(session))
        return self._set(f"{account.name}~{session.id}~{session.until}~{mark}", seconds)

    def _set(self, value: str, seconds: int) -> str:
        return set_cookie(self.cookie, value, seconds, path="/", is_tls=self.is_tls)


def _parts(session: Session) -> tuple[str, ...]:
    return session.account.subject, str(session.account.epoch), session.id, str(session.until)


def set_cookie(name: str, value: str, seconds: int, *, path: str, is_tls: bool) -> str:
    """Return a `Set-Cookie` that no script and no other site's request can use."""
    jar: SimpleCookie = SimpleCookie()
    jar[name] = value
    morsel: Morsel[str] = jar[name]
    morsel["path"], morsel["httponly"], morsel["samesite"], morsel["max-age"] = path, True, "Lax", seconds
    if is_tls:
        morsel["secure"] = True
    return morsel.OutputString()


def cookie_values(headers: Iterable[str], name: str) -> Iterable[str]:
    """Yield every value of a cookie in these `Cookie` headers."""
    for header in headers:
        for part in header.split(";"):
            key, equals, value = part.strip().partition("=")
            if equals and key == name:
                yield value.strip('"')
