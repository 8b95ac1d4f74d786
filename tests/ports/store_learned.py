"""Learned durations in the store: shared by all windows, kept, and never in the way of a choice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from app.core.durations import Durations, Ran
from app.core.model import Job, NodeId, ServerId
from app.core.plan import Measured, NodePace, Paces
from app.core.ports.store import Learned
from tests.ports.database import EmptyDatabase, reservation, seen_claims, task
from tests.ports.tasks import changed

JOB = Job("f00d", 20.0, ("large.safetensors", "沙丘.gguf"))


def ran(number: int, server_id: str = "gpu-1") -> Ran:
    """Return one of several runs in order."""
    began = 100_000 * number
    return Ran(server_id=ServerId(server_id), address="http://a", job=JOB, started_ms=began, ended_ms=began + 12_500)


async def check_nothing_is_learned_at_first(database: EmptyDatabase) -> None:
    assert (await seen_claims(database.store())).durations == Durations()


async def check_learned_durations_are_shared_by_windows(database: EmptyDatabase) -> None:
    expected = Durations()
    for number, server_id in enumerate(("gpu-1", "gpu-2", "gpu-1")):
        await database.store().learn(ran(number, server_id))
        expected = expected.learned(ran(number, server_id))
    assert (await seen_claims(database.store())).durations == expected


async def check_windows_that_learn_simultaneously_lose_nothing(database: EmptyDatabase) -> None:
    await asyncio.gather(*(database.store().learn(ran(number, f"gpu-{number}")) for number in range(10)))
    assert (await seen_claims(database.store())).durations.typical.count == 10


async def check_learning_leaves_the_settings_alone(database: EmptyDatabase) -> None:
    store = database.store()
    settings = await store.read_settings()
    await store.learn(ran(1))
    assert await database.store().read_settings() == settings
    await store.write_settings(settings)
    assert not (await seen_claims(store)).durations.is_empty


async def check_reservation_and_task_keep_their_job(database: EmptyDatabase) -> None:
    store = database.store()
    await store.reserve(lambda _claims: replace(reservation("p-2"), job=JOB))
    await store.register(changed(task("p-2"), job=JOB))
    kept = await store.reserve(lambda _claims: replace(reservation("p-3"), job=JOB))
    claims = await seen_claims(database.store())
    assert [item.job for item in claims.unfinished] == [JOB]
    assert list(claims.reservations) == [kept]


def measured(number: int, server_id: str = "gpu-1") -> Measured:
    """Return what the nodes of a run took."""
    nodes = {NodeId("1"): NodePace(1.0 + number), NodeId("2.5"): NodePace(9.0, 4.0, 2)}
    return Measured(server_id=ServerId(server_id), address="http://a", job=JOB, nodes=nodes, is_cold=True)


async def check_node_durations_are_learned_beside_the_total(database: EmptyDatabase) -> None:
    store = database.store()
    assert await store.read_learned() == Learned()
    await store.learn(ran(1))
    await store.learn_paces(measured(1))
    await database.store().learn_paces(measured(2))
    expected = Learned(Durations().learned(ran(1)), Paces().learned(measured(1)).learned(measured(2)))
    assert await database.store().read_learned() == expected


async def check_windows_that_learn_node_durations_simultaneously_lose_nothing(database: EmptyDatabase) -> None:
    await asyncio.gather(*(database.store().learn_paces(measured(1, f"gpu-{number}")) for number in range(10)))
    assert len((await database.store().read_learned()).paces.shapes) == 10
