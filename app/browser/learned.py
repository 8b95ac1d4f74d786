"""Learned times in this browser's store: two records for all windows, beside the settings.

A page of an older version knows only the first record, and would drop unknown fields in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from app.browser.idb import Database, Steps, T
from app.browser.ledger import SETTINGS
from app.browser.values import from_plain, plain
from app.core.durations import Durations, Ran
from app.core.plan import Measured, Paces
from app.core.ports.store import Learned
from app.core.records import BrokenRecord, decode, encode

NAME, PACES = "durations", "paces"

log = logging.getLogger("mooring.browser")


class BrowserLearned:
    """The part of the store that learns."""

    _database: Database

    async def _write(self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]]) -> T:
        raise NotImplementedError

    async def learn(self, ran: Ran) -> None:
        """Learn from a run."""

        def steps(transaction: Any) -> Steps[None]:
            known = yield from durations_of(transaction)
            row = {"name": NAME, **encode(known.learned(ran))}
            transaction.objectStore(SETTINGS).put(plain(row))

        await self._write("learn", [SETTINGS], steps)

    async def learn_paces(self, measured: Measured) -> None:
        """Learn the times of a run's nodes."""

        def steps(transaction: Any) -> Steps[None]:
            known = yield from _paces_of(transaction)
            row = {"name": PACES, **encode(known.learned(measured))}
            transaction.objectStore(SETTINGS).put(plain(row))

        await self._write("learn_paces", [SETTINGS], steps)

    async def read_learned(self) -> Learned:
        """All learned times."""

        def steps(transaction: Any) -> Steps[Learned]:
            durations = yield from durations_of(transaction)
            return Learned(durations, (yield from _paces_of(transaction)))

        return await self._database.run("read_learned", [SETTINGS], steps)


def durations_of(transaction: Any) -> Steps[Durations]:
    """The learned durations; nothing if the record is unreadable, so that learning restarts."""
    row = yield transaction.objectStore(SETTINGS).get(NAME)
    try:
        return Durations() if row is None else decode(Durations, from_plain(row))
    except BrokenRecord as error:
        log.warning("the learned durations cannot be read: %s", error.detail)
        return Durations()


def _paces_of(transaction: Any) -> Steps[Paces]:
    row = yield transaction.objectStore(SETTINGS).get(PACES)
    try:
        return Paces() if row is None else decode(Paces, from_plain(row))
    except BrokenRecord as error:
        log.warning("the learned times of nodes cannot be read: %s", error.detail)
        return Paces()
