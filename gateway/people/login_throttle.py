"""The limit on attempts to log in: after some failures each further attempt has to wait longer. Pure.

An attempt from an unknown browser is counted by name and address together, by address (an office may share one) and by
name (many addresses may be one attacker). A browser in which that user has logged in before (`devices.py`) is counted
by itself alone, so that no one else can lock its owner out. The counts are lost when the gateway ends.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

LONGEST_WAIT = 300.0  # seconds
LONGEST_PAUSE = 30.0  # the same for a known browser, which is delayed and not refused
FORGIVEN_AFTER = 3_600.0  # seconds without a failure
MOST_KEPT = 20_000  # counters; those that failed longest ago go first
_FREE = {"both": 5, "name": 30, "address": 50, "device": 5}  # failures before there is any wait

Keys = tuple[tuple[str, str], ...]  # the counters of an attempt, as (kind, value)


def of_unknown_browser(name: str, address: str) -> Keys:
    """Return the counters for an attempt from an unknown browser."""
    return ("both", f"{address} {name}"), ("name", name), ("address", address)


def of_device(device_id: str) -> Keys:
    """Return the counter for an attempt from a known browser."""
    return (("device", device_id),)


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class LoginThrottle:
    """The failures so far."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, keys: Keys, now: float) -> float:
        """Return the seconds until the next attempt is allowed; 0 if it is now."""
        return max(self._wait(key, now) for key in keys)

    def note_failure(self, keys: Keys, now: float) -> None:
        """Count a wrong password, or an unknown name."""
        for key in keys:
            known = self._failures.setdefault(key, _Failures())
            known.count = known.count + 1 if now - known.last < FORGIVEN_AFTER else 1
            known.last = now
            self._failures.move_to_end(key)
        while len(self._failures) > self._most:
            self._failures.popitem(last=False)

    def note_unjudged(self, keys: Keys) -> None:
        """Take back the last failure, because the password was not checked."""
        for key in keys:
            self._take_back(key)

    def note_success(self, keys: Keys) -> None:
        """Take back the last failure and forget earlier mistakes, because the login succeeded.

        Failures of this address with other names, and of others with this name, still count.
        """
        for key in keys:
            if key[0] in {"both", "device"}:
                self._failures.pop(key, None)
            else:
                self._take_back(key)

    def _take_back(self, key: tuple[str, str]) -> None:
        known = self._failures.get(key)
        if known is not None:
            known.count -= 1
            if known.count <= 0:
                del self._failures[key]

    def _wait(self, key: tuple[str, str], now: float) -> float:
        known = self._failures.get(key)
        if known is None or now - known.last >= FORGIVEN_AFTER:
            return 0.0
        over = known.count - _FREE[key[0]]
        if over < 0:
            return 0.0
        longest = LONGEST_PAUSE if key[0] == "device" else LONGEST_WAIT
        return max(0.0, known.last + min(longest, 2.0 ** min(over, 20)) - now)
