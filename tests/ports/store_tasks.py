"""Windows, reservations and tasks in the store: one transaction each, fenced by epoch, and never half written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from app.core.balancer import Claims
from app.core.errors import InvalidTransition, MooringError, NotOwner, TaskNotFound
from app.core.model import (
    ClientId,
    Delivery,
    NodeId,
    Output,
    PromptId,
    Reservation,
    ServerId,
    StoredTasks,
    Task,
    TaskState,
    WindowId,
)
from tests.ports.database import EmptyDatabase, raises, registered, reservation, seen_claims, task, window
from tests.ports.tasks import changed


async def check_window_gets_its_record_once(database: EmptyDatabase) -> None:
    store = database.store()
    first, records = await store.claim(window("w-1"))
    assert (first, records) == (window("w-1"), StoredTasks())
    later = replace(window("w-1"), client_id=ClientId("another"), created_at=9.0, seen_at=9.0)
    stored, _ = await database.store().claim(later)
    assert stored == replace(first, seen_at=9.0), "client_id is minted once"


async def check_unknown_fields_of_a_window_survive(database: EmptyDatabase) -> None:
    store = database.store()
    await store.claim(replace(window("w-1"), extra={"colour": "teal", "deep": {"a": [1, None]}}))
    await store.claim(replace(window("w-1"), seen_at=2.0))
    stored, _ = await store.claim(window("w-1"))
    assert stored.extra == {"colour": "teal", "deep": {"a": [1, None]}}


async def check_claim_gives_only_own_tasks_oldest_first(database: EmptyDatabase) -> None:
    store = database.store()
    young = await registered(store, "p-a", created_at=30.0)
    old = await registered(store, "p-b", created_at=20.0)
    await registered(store, "p-c", owner="w-2")
    _, records = await database.store().claim(window("w-1"))
    assert records == StoredTasks((old, young))


async def check_claim_deletes_only_own_reservations(database: EmptyDatabase) -> None:
    store = database.store()
    for prompt_id, owner in (("p-1", "w-1"), ("p-2", "w-1"), ("p-3", "w-2")):
        await store.reserve(lambda _claims, p=prompt_id, o=owner: reservation(p, o))  # type: ignore[misc]
    await store.claim(window("w-1"))
    assert [item.prompt_id for item in (await seen_claims(store)).reservations] == ["p-3"]


async def check_windows_that_choose_simultaneously_see_each_other(database: EmptyDatabase) -> None:
    one, other = database.store(), database.store()
    seen: list[int] = []

    def choose(prompt_id: str, owner: str) -> Callable[[Claims], Reservation]:
        def take(claims: Claims) -> Reservation:
            seen.append(len(claims.reservations))
            return reservation(prompt_id, owner, "gpu-2" if claims.reservations else "gpu-1")

        return take

    first, second = await asyncio.gather(one.reserve(choose("p-1", "w-1")), other.reserve(choose("p-2", "w-2")))
    assert sorted(seen) == [0, 1]
    assert {first.server_id, second.server_id} == {"gpu-1", "gpu-2"}


async def check_twenty_simultaneous_choices_are_all_counted(database: EmptyDatabase) -> None:
    seen: list[int] = []

    def choose(number: int) -> Callable[[Claims], Reservation]:
        def take(claims: Claims) -> Reservation:
            seen.append(len(claims.reservations))
            return reservation(f"p-{number}", f"w-{number}")

        return take

    await asyncio.gather(*(database.store().reserve(choose(number)) for number in range(20)))
    assert sorted(seen) == list(range(20))


async def check_reserve_sees_unfinished_tasks_of_all_windows(database: EmptyDatabase) -> None:
    store = database.store()
    mine, theirs = await registered(store, "p-1"), await registered(store, "p-2", owner="w-2")
    ended = await registered(store, "p-3", owner="w-3")
    await store.update(changed(ended, state=TaskState.SUCCEEDED, ended_at=30.0))
    unfinished = (await seen_claims(store)).unfinished
    assert {item.prompt_id for item in unfinished} == {mine.prompt_id, theirs.prompt_id}


async def check_reservation_keeps_its_reason(database: EmptyDatabase) -> None:
    store = database.store()
    made = await store.reserve(lambda _claims: reservation("p-1"))
    assert made == reservation("p-1")
    assert list((await seen_claims(store)).reservations) == [made]


async def check_error_of_choose_is_raised_and_writes_nothing(database: EmptyDatabase) -> None:
    store = database.store()

    class Refusal(MooringError):
        pass

    def refuse(_claims: Claims) -> Reservation:
        raise Refusal

    await raises(Refusal, store.reserve(refuse))
    assert not (await seen_claims(store)).reservations
    await store.reserve(lambda _claims: reservation("p-1"))  # and the store still works


async def check_released_reservation_is_deleted(database: EmptyDatabase) -> None:
    store = database.store()
    await store.reserve(lambda _claims: reservation("p-1"))
    await store.release_reservation(PromptId("p-1"))
    await store.release_reservation(PromptId("p-1"))
    assert not (await seen_claims(store)).reservations


async def check_register_turns_the_reservation_into_the_task(database: EmptyDatabase) -> None:
    store = database.store()
    fresh = await registered(store, "p-1")
    claims = await seen_claims(database.store())
    assert not claims.reservations
    assert list(claims.unfinished) == [fresh]
    assert await database.store().read_task(fresh.prompt_id) == fresh


async def check_register_moored_writes_the_task_and_leaves_no_reservation(database: EmptyDatabase) -> None:
    store = database.store()
    fresh = task("p-1")
    await store.reserve_and_register(fresh, lambda _claims: None)
    claims = await seen_claims(database.store())
    assert not claims.reservations
    assert list(claims.unfinished) == [fresh]
    assert await database.store().read_task(fresh.prompt_id) == fresh


async def check_register_moored_shows_all_claims_before_it_writes(database: EmptyDatabase) -> None:
    store = database.store()
    held = await store.reserve(lambda _claims: reservation("p-1", "w-2"))
    known, ended = await registered(store, "p-2"), await registered(store, "p-3")
    await store.update(changed(ended, state=TaskState.SUCCEEDED, ended_at=30.0))
    await registered(store, "p-4", owner="w-3")
    await database.damage("p-4", {"state": "paused"})
    seen: list[Claims] = []
    await store.reserve_and_register(task("p-5"), seen.append)
    [claims] = seen
    assert (list(claims.reservations), list(claims.unfinished)) == ([held], [known])
    assert [item.prompt_id for item in claims.unreadable] == ["p-4"]


async def check_refused_task_is_not_registered_by_reserve_and_register(database: EmptyDatabase) -> None:
    store = database.store()

    class Refusal(MooringError):
        pass

    def refuse(_claims: Claims) -> None:
        raise Refusal

    await raises(Refusal, store.reserve_and_register(task("p-1"), refuse))
    assert await store.read_task(PromptId("p-1")) is None
    await store.reserve_and_register(task("p-1"), lambda _claims: None)  # and the store still works


async def check_prompt_id_is_registered_once_by_reserve_and_register(database: EmptyDatabase) -> None:
    store = database.store()
    first = await registered(store, "p-1")
    other = changed(first, title="another")
    await raises(InvalidTransition, store.reserve_and_register(other, lambda _claims: None))
    assert await store.read_task(first.prompt_id) == first


async def check_windows_that_register_moored_see_each_other(database: EmptyDatabase) -> None:
    one, other = database.store(), database.store()
    seen: list[int] = []

    def count(claims: Claims) -> None:
        seen.append(len(claims.unfinished))

    await asyncio.gather(
        one.reserve_and_register(task("p-1", "w-1"), count), other.reserve_and_register(task("p-2", "w-2"), count)
    )
    assert sorted(seen) == [0, 1]


async def check_register_needs_a_reservation(database: EmptyDatabase) -> None:
    store = database.store()
    await raises(NotOwner, store.register(task("p-1")))
    assert await store.read_task(PromptId("p-1")) is None


async def check_register_needs_its_own_reservation(database: EmptyDatabase) -> None:
    store = database.store()
    await store.reserve(lambda _claims: reservation("p-1", "w-2"))
    await raises(NotOwner, store.register(task("p-1", "w-1")))
    assert await store.read_task(PromptId("p-1")) is None
    assert len((await seen_claims(store)).reservations) == 1


async def check_prompt_id_is_registered_once(database: EmptyDatabase) -> None:
    store = database.store()
    first = await registered(store, "p-1")
    await store.reserve(lambda _claims: reservation("p-1"))
    await raises(InvalidTransition, store.register(changed(first, title="another")))
    assert await store.read_task(first.prompt_id) == first


async def check_update_writes_all_of_a_task(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    output = Output(node_id=NodeId("9"), kind="images", filename="out_00001_.png", delivery=Delivery.KEPT, size=3)
    ended = changed(
        known,
        state=TaskState.SUCCEEDED,
        ended_at=31.25,
        server_ended_ms=1795597065668,
        number=7.0,
        outputs=(output,),
        choice=reservation("p-1").choice,
        extra={"newer": {"field": [True, None, "x"]}},
    )
    await store.update(ended)
    assert await database.store().read_task(known.prompt_id) == ended


async def check_unknown_fields_survive_an_update(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    await store.update(replace(known, v=2, extra={"newer": {"deep": [1, None]}}))
    read = await store.read_task(known.prompt_id)
    assert read is not None
    await store.update(replace(read, state=TaskState.RUNNING))
    stored = await store.read_task(known.prompt_id)
    assert stored is not None
    assert (stored.v, stored.extra, stored.state) == (2, {"newer": {"deep": [1, None]}}, TaskState.RUNNING)


async def check_update_needs_the_task(database: EmptyDatabase) -> None:
    await raises(TaskNotFound, database.store().update(task("p-1")))


async def check_only_the_owner_writes(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    error = await raises(NotOwner, store.update(changed(known, owner=WindowId("w-2"), title="theirs")))
    assert isinstance(error, NotOwner)
    assert (error.prompt_id, error.owner, error.epoch) == ("p-1", "w-1", 1)
    await raises(NotOwner, store.update(replace(known, epoch=2)))
    await raises(NotOwner, store.update(replace(known, epoch=0)))
    assert await store.read_task(known.prompt_id) == known


async def check_server_of_a_task_is_fixed_for_ever(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    await raises(InvalidTransition, store.update(changed(known, server_id=ServerId("gpu-2"))))
    await raises(InvalidTransition, store.update(changed(known, address="http://10.0.0.2:8188")))
    assert await store.read_task(known.prompt_id) == known


async def check_task_is_registered_where_it_was_reserved(database: EmptyDatabase) -> None:
    store = database.store()
    await store.reserve(lambda _claims: reservation("p-1", server_id="gpu-1"))
    await raises(InvalidTransition, store.register(task("p-1", server_id="gpu-2")))
    assert await store.read_task(PromptId("p-1")) is None


async def check_adoption_takes_the_next_epoch_and_makes_a_ward(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    adopted = await store.adopt(known.prompt_id, (known.owner, known.epoch), WindowId("w-2"))
    assert adopted == replace(known, owner=WindowId("w-2"), epoch=2, is_ward=True)
    assert await store.read_task(known.prompt_id) == adopted
    assert await store.read_tasks(WindowId("w-2")) == StoredTasks((adopted,))
    assert await store.read_tasks(WindowId("w-1")) == StoredTasks()


async def check_window_that_lost_its_task_cannot_write_it(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    adopted = await store.adopt(known.prompt_id, (known.owner, known.epoch), WindowId("w-2"))
    await raises(NotOwner, store.update(replace(known, state=TaskState.LOST)))
    await raises(NotOwner, store.keep_result(known, 0, database.blob(b"late"), 40.0))
    await raises(NotOwner, store.delete_task(replace(known, state=TaskState.LOST)))
    assert await store.read_task(known.prompt_id) == adopted
    assert await store.read_result(known.prompt_id, 0) is None


async def check_one_of_two_adopters_wins(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    seen = (known.owner, known.epoch)
    outcomes = await asyncio.gather(
        *(database.store().adopt(known.prompt_id, seen, WindowId(f"w-{number}")) for number in range(2, 7)),
        return_exceptions=True,
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, Task)]
    assert len(winners) == 1
    assert sum(isinstance(outcome, NotOwner) for outcome in outcomes) == 4
    assert await store.read_task(known.prompt_id) == winners[0]


async def check_adoption_needs_the_task(database: EmptyDatabase) -> None:
    await raises(TaskNotFound, database.store().adopt(PromptId("p-1"), (WindowId("w-1"), 1), WindowId("w-2")))


async def check_read_tasks_gives_all_oldest_first(database: EmptyDatabase) -> None:
    store = database.store()
    assert await store.read_tasks() == StoredTasks()
    young = await registered(store, "p-a", created_at=30.0)
    old = await registered(store, "p-z", owner="w-2", created_at=20.5)
    assert await store.read_tasks() == StoredTasks((old, young))
    assert await store.read_tasks(WindowId("w-1")) == StoredTasks((young,))


async def check_simultaneous_operations_of_a_window_are_independent(database: EmptyDatabase) -> None:
    store = database.store()

    async def run(number: int) -> None:
        known = await registered(store, f"p-{number}", owner=f"w-{number}")
        for state in (TaskState.QUEUED, TaskState.RUNNING, TaskState.SUCCEEDED):
            known = replace(known, state=state)
            await store.update(known)

    await asyncio.gather(*map(run, range(12)))
    states = [item.state for item in (await store.read_tasks()).tasks]
    assert states == [TaskState.SUCCEEDED] * 12
