"""What was learned of durations, in this browser's store: one record for all windows, beside the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from app.browser.idb import Steps, T
from app.browser.ledger import SETTINGS
from app.browser.values import from_plain, plain
from app.core.durations import Durations, Ran
from app.core.records import BrokenRecord, decode_durations, encode_durations

NAME = "durations"

log = logging.getLogger("mooring.browser")


class BrowserLearned:
    """The part of the store that learns."""

    async def _write(self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]]) -> T:
        raise NotImplementedError

    async def learn(self, ran: Ran) -> None:
        """Learn from one more run."""

        def steps(transaction: Any) -> Steps[None]:
            known = yield from durations_of(transaction)
            row = {"name": NAME, **encode_durations(known.learned(ran))}
            transaction.objectStore(SETTINGS).put(plain(row))

        await self._write("learn", [SETTINGS], steps)


def durations_of(transaction: Any) -> Steps[Durations]:
    """What was learned; nothing, if the record cannot be read: it is learned anew."""
    row = yield transaction.objectStore(SETTINGS).get(NAME)
    try:
        return Durations() if row is None else decode_durations(from_plain(row))
    except BrokenRecord as error:
        log.warning("what was learned of durations cannot be read: %s", error.detail)
        return Durations()
