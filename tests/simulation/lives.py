"""Many lives, several at a time, each in a process that does nothing else."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

from tests.simulation.life import try_living
from tests.simulation.tally import Tally

Lived = tuple[int, Tally, list[str]]  # seed, counts, what was broken


def live_many(seeds: range, jobs: int, seconds: float) -> Iterator[Lived]:
    """Live them all; each as it ends."""
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_live, [(seed, seconds) for seed in seeds], chunksize=10)


def _live(order: tuple[int, float]) -> Lived:
    seed, seconds = order
    try:
        world = try_living(seed, seconds=seconds)
    except Exception as error:  # noqa: BLE001 - a life that cannot be lived is a finding like another
        return seed, Tally(), [f"the life broke off: {error!r}"]
    return seed, world.tally.plain(), world.broken
