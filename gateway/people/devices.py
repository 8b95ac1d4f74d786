"""The cookie of a browser in which a user has logged in before, as OWASP's "device cookies" describe it.

It does not authenticate anyone. It only keeps other people's wrong passwords from delaying its owner: attempts that
carry it are counted by it alone. There is one per user and browser, so that several users can share a browser:

    <device id>~<until>~<mark>
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.people.accounts import Account
from gateway.people.keys import Keys
from gateway.people.sessions import DAY, cookie_values, set_cookie

DAYS = 180  # after the last log-in
PATH = "/login"  # the only path that it is sent to
_VALUE = re.compile(r"([0-9a-f]{32})~([0-9]{1,12})~([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Devices:
    """The device cookies of one origin."""

    keys: Keys
    is_tls: bool
    port: int

    def read(self, headers: Iterable[str], account: Account, now: float) -> str:
        """Return the id of this browser if this account has logged in there before; otherwise empty."""
        for value in cookie_values(headers, self._cookie(account)):
            found = _VALUE.fullmatch(value)
            if found is None or int(found[2]) <= now:
                continue
            if self.keys.is_signed(found[3], "device", account.subject, found[1], found[2]):
                return found[1]
        return ""

    def write(self, account: Account, device_id: str, now: float) -> str:
        """Return the `Set-Cookie` after a log-in; a browser without an id gets one."""
        device_id = device_id or secrets.token_hex(16)
        seconds = int(DAYS * DAY)
        until = str(int(now) + seconds)
        mark = self.keys.sign("device", account.subject, device_id, until)
        value = f"{device_id}~{until}~{mark}"
        return set_cookie(self._cookie(account), value, seconds, path=PATH, is_tls=self.is_tls)

    def _cookie(self, account: Account) -> str:
        whose = hashlib.sha256(account.subject.encode()).hexdigest()[:8]
        return f"__Secure-mooring-device-{whose}" if self.is_tls else f"mooring-device-{self.port}-{whose}"
