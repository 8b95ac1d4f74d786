"""The strategies that `benchmarks.balance` compares: Mooring's and others."""

from __future__ import annotations

import random
from collections.abc import Callable

from app.core.balancer import Snapshot, choose
from app.core.model import ServerId
from benchmarks.balance_world import Arrival, Policy, World

CACHE = 30.0  # seconds


class Mooring:
    """Mooring's choice, from what a window knows."""

    name = "Mooring"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        claims = world.browser_of(arrival.window).claims()
        job = arrival.kind.job
        return choose(world.snapshots(), claims, now=world.now, tie=arrival.draw, job=job).server_id


class AllKnowing:
    """Least work: the true seconds of everything queued or being sent, and of this work on each server."""

    name = "all-knowing least-work"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        return min(world.servers, key=lambda server: server.end_of(arrival, world.now)).server_id


class TwoChoice:
    """The shorter queue of two random servers."""

    name = "two-choice"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        drawn = random.Random(arrival.draw).sample(world.snapshots(), min(2, len(world.servers)))
        return min(drawn, key=_length).server_id


class RoundRobin:
    """One server after the other."""

    name = "round-robin"

    def __init__(self) -> None:
        self._next = 0

    def choose(self, world: World, arrival: Arrival) -> ServerId:  # noqa: ARG002 - the same for all work
        self._next += 1
        return world.servers[self._next % len(world.servers)].server_id


class AtRandom:
    """A random server."""

    name = "random"

    def choose(self, world: World, arrival: Arrival) -> ServerId:
        return world.servers[int(arrival.draw * len(world.servers))].server_id


class LeastQueueCached:
    """The shortest queue, as it was up to thirty seconds ago."""

    name = "least-queue, 30 s cache"

    def choose(self, world: World, arrival: Arrival) -> ServerId:  # noqa: ARG002 - the same for all work
        return min(world.cached(CACHE), key=_length).server_id


def _length(snapshot: Snapshot) -> int:
    return len(snapshot.running) + len(snapshot.pending)


POLICIES: tuple[Callable[[], Policy], ...] = (AllKnowing, Mooring, TwoChoice, RoundRobin, AtRandom, LeastQueueCached)
