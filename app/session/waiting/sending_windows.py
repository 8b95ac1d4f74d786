"""How many windows of a session send from its line, and which runs each of them may send."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.core.aim import able_servers
from app.core.balancer import Leaning
from app.core.model import BatchId, Fleet, PromptId, ServerId
from app.core.waiting_runs import EVERY, MOST_SENDERS, Batch, WaitingRuns
from app.session.waiting.worker import WindowWorker


@dataclass(frozen=True, slots=True)
class SendingWindows:
    """How many windows send: the first `regular` of them any run, the others up to `wanted` those for `apart`.

    `apart` are the servers that waiting runs ask for while every regular window is held by another one.
    """

    regular: int = 1
    apart: frozenset[ServerId] = frozenset()
    wanted: int = 1

    def may_send(self, index: int, locked: ServerId | None, batch: Batch) -> bool:
        """Whether the window at this index, held by this server, may send such runs."""
        if index >= self.regular and batch.asked not in self.apart:
            return False
        return locked is None or batch.asked in (None, locked)


def count_windows(
    line: WaitingRuns | None,
    workers: Sequence[WindowWorker],
    fleet: Fleet,
    leanings: Mapping[ServerId, Leaning],
    held_back: Collection[PromptId],
) -> SendingWindows:
    """Return the windows for a line without the runs that are held back. `workers` are those that there are."""
    if line is None:
        return SendingWindows()
    regular = line.senders
    if regular == EVERY:
        regular = _by_fleet(line, workers, able_servers(fleet, leanings), held_back)
    locked = {worker.locked for worker in workers[:regular]}
    others = {item.batch_id for item in line.refused} | {BatchId(item) for item in held_back}
    asked = {batch.asked for name, batch in line.batches.items() if name not in others}
    apart = frozenset[ServerId]() if None in locked else able_servers(fleet, {}) & (asked - locked)
    if not apart:
        return SendingWindows(regular, apart, regular)
    beyond = workers[regular:]
    usable = sum(worker.locked is None or worker.locked in apart for worker in beyond)
    return SendingWindows(regular, apart, min(MOST_SENDERS, regular + len(beyond) + max(0, len(apart) - usable)))


def _by_fleet(
    line: WaitingRuns, workers: Sequence[WindowWorker], able: frozenset[ServerId], held_back: Collection[PromptId]
) -> int:
    """Return one window for each server. One whose server takes no new work is one more: that holds it for now."""
    stuck = sum(worker.locked is not None and worker.locked not in able for worker in workers)
    busy = sum(worker.ahead > 0 or worker.sending is not None for worker in workers)
    sending = {worker.sending for worker in workers}
    waiting = len(line.entries) - len(sending.union(held_back) - {None})
    return max(1, min(len(able) + stuck, waiting + busy, MOST_SENDERS))
