"""How often somebody may try to log in: after some failures each further one has to wait longer. Pure.

Counted by name and address together, by address (a whole office may have one) and by name (many addresses may be one
person's). What a gateway counts it forgets with its end.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

LONGEST_WAIT = 300.0  # seconds
FORGIVEN_AFTER = 3_600.0  # seconds without a failure
MOST_KEPT = 20_000  # counters; those that failed longest ago go first
_FREE = {"both": 5, "name": 30, "address": 50}  # failures before there is any wait


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class Guesses:
    """The failures so far."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, name: str, address: str, now: float) -> float:
        """For how many seconds this name may not be tried from this address; 0: it may."""
        return max(self._wait(kind, key, now) for kind, key in _keys(name, address))

    def note_failure(self, name: str, address: str, now: float) -> None:
        """Count a wrong password, or a name that nobody has."""
        for kind, key in _keys(name, address):
            known = self._failures.setdefault((kind, key), _Failures())
            known.count = known.count + 1 if now - known.last < FORGIVEN_AFTER else 1
            known.last = now
            self._failures.move_to_end((kind, key))
        while len(self._failures) > self._most:
            self._failures.popitem(last=False)

    def note_success(self, name: str, address: str) -> None:
        """The last failure was none, somebody has come in: what they mistyped before is forgotten.

        What the address did to others is not, nor what others did to the name.
        """
        for key in _keys(name, address):
            known = self._failures.get(key)
            if known is not None:
                known.count -= 1
                if key[0] == "both" or known.count <= 0:
                    del self._failures[key]

    def _wait(self, kind: str, key: str, now: float) -> float:
        known = self._failures.get((kind, key))
        if known is None or now - known.last >= FORGIVEN_AFTER:
            return 0.0
        over = known.count - _FREE[kind]
        if over < 0:
            return 0.0
        return max(0.0, known.last + min(LONGEST_WAIT, 2.0 ** min(over, 20)) - now)


def _keys(name: str, address: str) -> tuple[tuple[str, str], ...]:
    return ("both", f"{address} {name}"), ("name", name), ("address", address)
