"""What the session relies on in its store, as plain checks.

Each `check_…` takes a `Desk` with an empty store and asserts. `tests/ports/test_fakes.py` runs them in CPython on the
simulation's fakes; `tests/e2e/test_ports.py` runs this very source inside Chromium on the browser's adapters. It
needs only the standard library and `app.core`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from app.core.balancer import Berths
from app.core.errors import InvalidTransition, MooringError, NotOwner, StorageError, TaskNotFound
from app.core.model import (
    Choice,
    ClientId,
    Delivery,
    NodeId,
    Note,
    Output,
    PromptId,
    Reservation,
    ServerId,
    Task,
    TaskState,
    WindowId,
)
from app.core.ports import Blob, TaskStore, WindowRecord

BOUND = 1_000_000  # bytes of kept results in the stores that a Desk makes
ADDRESS = "http://10.0.0.1:8188"


class Desk(Protocol):
    """An empty store, as many windows as wanted look into."""

    def store(self) -> TaskStore:
        """One more window's own way into the same store."""

    def blob(self, data: bytes, media_type: str = "") -> Blob:
        """Bytes as this side keeps them."""


Check = Callable[[Desk], Awaitable[None]]


def checks() -> dict[str, Check]:
    """Every check of this module by its name."""
    return {name: value for name, value in globals().items() if name.startswith("check_")}


async def raises(kind: type[MooringError], awaitable: Awaitable[object]) -> MooringError:
    """The error of that very kind; any other outcome fails."""
    try:
        outcome = await awaitable
    except MooringError as error:
        assert type(error) is kind, f"{error!r} is no {kind.__name__}"
        return error
    raise AssertionError(f"{kind.__name__} expected, got {outcome!r}")


def window(name: str) -> WindowRecord:
    return WindowRecord(window_id=WindowId(name), client_id=ClientId(f"client of {name}"), created_at=1.0, seen_at=1.0)


def reservation(prompt_id: str, owner: str = "w-1", server_id: str = "gpu-1") -> Reservation:
    return Reservation(
        prompt_id=PromptId(prompt_id),
        window_id=WindowId(owner),
        server_id=ServerId(server_id),
        address=ADDRESS,
        at=10.0,
        choice=Choice(server_id=ServerId(server_id), reason="tie", loads={"gpu-1": 0, "gpu-2": 0}),
    )


def task(prompt_id: str, owner: str = "w-1", server_id: str = "gpu-1", created_at: float = 20.0) -> Task:
    return Task(
        prompt_id=PromptId(prompt_id),
        server_id=ServerId(server_id),
        address=ADDRESS,
        client_id=ClientId("c-1"),
        owner=WindowId(owner),
        epoch=1,
        created_at=created_at,
        title="沙丘 \ud83c",  # half of a surrogate pair: servers and people send such things
        workflow='{"1": {"class_type": "LoadImage", "inputs": {}}}',
        notes=(Note(20.0, "registered"),),
    )


async def registered(store: TaskStore, prompt_id: str, owner: str = "w-1", created_at: float = 20.0) -> Task:
    """A task in the store, as a run puts it there."""
    await store.reserve(lambda _berths: reservation(prompt_id, owner))
    fresh = task(prompt_id, owner, created_at=created_at)
    await store.register(fresh)
    return fresh


async def seen_berths(store: TaskStore) -> Berths:
    """What the next window to choose would see; nothing is left behind."""
    seen: list[Berths] = []

    def look(berths: Berths) -> Reservation:
        seen.append(berths)
        raise InvalidTransition("look")

    await raises(InvalidTransition, store.reserve(look))
    return seen[0]


async def check_a_window_gets_its_record_once(desk: Desk) -> None:
    store = desk.store()
    first, tasks = await store.claim(window("w-1"))
    assert (first, tasks) == (window("w-1"), ())
    later = replace(window("w-1"), client_id=ClientId("another"), created_at=9.0, seen_at=9.0)
    again, _ = await desk.store().claim(later)
    assert again == replace(first, seen_at=9.0), "client_id is minted once"


async def check_a_windows_unknown_fields_survive(desk: Desk) -> None:
    store = desk.store()
    await store.claim(replace(window("w-1"), extra={"colour": "teal", "deep": {"a": [1, None]}}))
    await store.claim(replace(window("w-1"), seen_at=2.0))
    again, _ = await store.claim(window("w-1"))
    assert again.extra == {"colour": "teal", "deep": {"a": [1, None]}}


async def check_claim_gives_only_own_tasks_oldest_first(desk: Desk) -> None:
    store = desk.store()
    young = await registered(store, "p-a", created_at=30.0)
    old = await registered(store, "p-b", created_at=20.0)
    await registered(store, "p-c", owner="w-2")
    _, tasks = await desk.store().claim(window("w-1"))
    assert tasks == (old, young)


async def check_claim_deletes_only_own_reservations(desk: Desk) -> None:
    store = desk.store()
    for prompt_id, owner in (("p-1", "w-1"), ("p-2", "w-1"), ("p-3", "w-2")):
        await store.reserve(lambda _berths, p=prompt_id, o=owner: reservation(p, o))  # type: ignore[misc]
    await store.claim(window("w-1"))
    assert [item.prompt_id for item in (await seen_berths(store)).reservations] == ["p-3"]


async def check_two_windows_choosing_at_once_see_each_other(desk: Desk) -> None:
    one, other = desk.store(), desk.store()
    seen: list[int] = []

    def choose(prompt_id: str, owner: str) -> Callable[[Berths], Reservation]:
        def take(berths: Berths) -> Reservation:
            seen.append(len(berths.reservations))
            return reservation(prompt_id, owner, "gpu-2" if berths.reservations else "gpu-1")

        return take

    first, second = await asyncio.gather(one.reserve(choose("p-1", "w-1")), other.reserve(choose("p-2", "w-2")))
    assert sorted(seen) == [0, 1]
    assert {first.server_id, second.server_id} == {"gpu-1", "gpu-2"}


async def check_twenty_windows_choosing_at_once_are_each_counted(desk: Desk) -> None:
    seen: list[int] = []

    def choose(number: int) -> Callable[[Berths], Reservation]:
        def take(berths: Berths) -> Reservation:
            seen.append(len(berths.reservations))
            return reservation(f"p-{number}", f"w-{number}")

        return take

    await asyncio.gather(*(desk.store().reserve(choose(number)) for number in range(20)))
    assert sorted(seen) == list(range(20))


async def check_reserve_sees_unfinished_tasks_of_all_windows(desk: Desk) -> None:
    store = desk.store()
    mine, theirs = await registered(store, "p-1"), await registered(store, "p-2", owner="w-2")
    ended = await registered(store, "p-3", owner="w-3")
    await store.update(replace(ended, state=TaskState.SUCCEEDED, ended_at=30.0))
    unfinished = (await seen_berths(store)).unfinished
    assert {item.prompt_id for item in unfinished} == {mine.prompt_id, theirs.prompt_id}


async def check_a_reservation_keeps_its_reason(desk: Desk) -> None:
    store = desk.store()
    made = await store.reserve(lambda _berths: reservation("p-1"))
    assert made == reservation("p-1")
    assert list((await seen_berths(store)).reservations) == [made]


async def check_an_error_of_choose_is_raised_and_writes_nothing(desk: Desk) -> None:
    store = desk.store()

    class Refusal(MooringError):
        pass

    def refuse(_berths: Berths) -> Reservation:
        raise Refusal

    await raises(Refusal, store.reserve(refuse))
    assert not (await seen_berths(store)).reservations
    await store.reserve(lambda _berths: reservation("p-1"))  # and the store still works


async def check_a_released_reservation_is_gone(desk: Desk) -> None:
    store = desk.store()
    await store.reserve(lambda _berths: reservation("p-1"))
    await store.release_reservation(PromptId("p-1"))
    await store.release_reservation(PromptId("p-1"))
    assert not (await seen_berths(store)).reservations


async def check_register_turns_the_reservation_into_the_task(desk: Desk) -> None:
    store = desk.store()
    fresh = await registered(store, "p-1")
    berths = await seen_berths(desk.store())
    assert not berths.reservations
    assert list(berths.unfinished) == [fresh]
    assert await desk.store().read_task(fresh.prompt_id) == fresh


async def check_register_needs_a_reservation(desk: Desk) -> None:
    store = desk.store()
    await raises(NotOwner, store.register(task("p-1")))
    assert await store.read_task(PromptId("p-1")) is None


async def check_register_needs_its_own_reservation(desk: Desk) -> None:
    store = desk.store()
    await store.reserve(lambda _berths: reservation("p-1", "w-2"))
    await raises(NotOwner, store.register(task("p-1", "w-1")))
    assert await store.read_task(PromptId("p-1")) is None
    assert len((await seen_berths(store)).reservations) == 1


async def check_a_prompt_id_is_registered_once(desk: Desk) -> None:
    store = desk.store()
    first = await registered(store, "p-1")
    await store.reserve(lambda _berths: reservation("p-1"))
    await raises(InvalidTransition, store.register(replace(first, title="another")))
    assert await store.read_task(first.prompt_id) == first


async def check_update_writes_all_of_a_task(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    output = Output(node_id=NodeId("9"), kind="images", filename="out_00001_.png", delivery=Delivery.KEPT, size=3)
    changed = replace(
        known,
        state=TaskState.SUCCEEDED,
        ended_at=31.25,
        server_ended_ms=1795597065668,
        number=7.0,
        outputs=(output,),
        choice=reservation("p-1").choice,
        extra={"newer": {"field": [True, None, "x"]}},
    )
    await store.update(changed)
    assert await desk.store().read_task(known.prompt_id) == changed


async def check_unknown_fields_survive_an_update(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    await store.update(replace(known, v=2, extra={"newer": {"deep": [1, None]}}))
    read = await store.read_task(known.prompt_id)
    assert read is not None
    await store.update(replace(read, state=TaskState.RUNNING))
    again = await store.read_task(known.prompt_id)
    assert again is not None
    assert (again.v, again.extra, again.state) == (2, {"newer": {"deep": [1, None]}}, TaskState.RUNNING)


async def check_update_needs_the_task(desk: Desk) -> None:
    await raises(TaskNotFound, desk.store().update(task("p-1")))


async def check_only_the_owner_writes(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    error = await raises(NotOwner, store.update(replace(known, owner=WindowId("w-2"), title="theirs")))
    assert isinstance(error, NotOwner)
    assert (error.prompt_id, error.owner, error.epoch) == ("p-1", "w-1", 1)
    await raises(NotOwner, store.update(replace(known, epoch=2)))
    await raises(NotOwner, store.update(replace(known, epoch=0)))
    assert await store.read_task(known.prompt_id) == known


async def check_a_tasks_server_is_fixed_for_ever(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    await raises(InvalidTransition, store.update(replace(known, server_id=ServerId("gpu-2"))))
    await raises(InvalidTransition, store.update(replace(known, address="http://10.0.0.2:8188")))
    assert await store.read_task(known.prompt_id) == known


async def check_a_task_is_registered_where_it_was_reserved(desk: Desk) -> None:
    store = desk.store()
    await store.reserve(lambda _berths: reservation("p-1", server_id="gpu-1"))
    await raises(InvalidTransition, store.register(task("p-1", server_id="gpu-2")))
    assert await store.read_task(PromptId("p-1")) is None


async def check_adoption_takes_the_next_epoch_and_makes_a_ward(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    adopted = await store.adopt(known.prompt_id, (known.owner, known.epoch), WindowId("w-2"))
    assert adopted == replace(known, owner=WindowId("w-2"), epoch=2, is_ward=True)
    assert await store.read_task(known.prompt_id) == adopted
    assert await store.read_tasks(WindowId("w-2")) == (adopted,)
    assert await store.read_tasks(WindowId("w-1")) == ()


async def check_a_window_that_lost_its_task_is_fenced_off(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    adopted = await store.adopt(known.prompt_id, (known.owner, known.epoch), WindowId("w-2"))
    await raises(NotOwner, store.update(replace(known, state=TaskState.LOST)))
    await raises(NotOwner, store.keep_result(known, 0, desk.blob(b"late"), 40.0))
    await raises(NotOwner, store.delete_task(replace(known, state=TaskState.LOST)))
    assert await store.read_task(known.prompt_id) == adopted
    assert await store.read_result(known.prompt_id, 0) is None


async def check_one_of_two_adopters_wins(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    seen = (known.owner, known.epoch)
    outcomes = await asyncio.gather(
        *(desk.store().adopt(known.prompt_id, seen, WindowId(f"w-{number}")) for number in range(2, 7)),
        return_exceptions=True,
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, Task)]
    assert len(winners) == 1
    assert sum(isinstance(outcome, NotOwner) for outcome in outcomes) == 4
    assert await store.read_task(known.prompt_id) == winners[0]


async def check_adoption_needs_the_task(desk: Desk) -> None:
    await raises(TaskNotFound, desk.store().adopt(PromptId("p-1"), (WindowId("w-1"), 1), WindowId("w-2")))


async def check_read_tasks_gives_all_oldest_first(desk: Desk) -> None:
    store = desk.store()
    assert await store.read_tasks() == ()
    young = await registered(store, "p-a", created_at=30.0)
    old = await registered(store, "p-z", owner="w-2", created_at=20.5)
    assert await store.read_tasks() == (old, young)
    assert await store.read_tasks(WindowId("w-1")) == (young,)


async def ended(store: TaskStore, prompt_id: str) -> Task:
    known = await registered(store, prompt_id)
    done = replace(known, state=TaskState.SUCCEEDED, ended_at=30.0)
    await store.update(done)
    return done


async def check_a_kept_result_comes_back_byte_for_byte(desk: Desk) -> None:
    store = desk.store()
    done = await ended(store, "p-1")
    data = bytes(range(256)) * 40
    await store.keep_result(done, 1, desk.blob(data, "image/png"), 40.5)
    kept = await desk.store().read_result(done.prompt_id, 1)
    assert kept is not None
    assert (kept.prompt_id, kept.index, kept.kept_at) == ("p-1", 1, 40.5)
    assert (kept.blob.size, kept.blob.media_type) == (len(data), "image/png")
    assert await kept.blob.read() == data
    assert await store.read_result(done.prompt_id, 0) is None
    assert await store.read_result(PromptId("p"), 1) is None


async def check_a_result_is_kept_only_for_a_known_task(desk: Desk) -> None:
    store = desk.store()
    await raises(TaskNotFound, store.keep_result(task("p-1"), 0, desk.blob(b"x"), 40.0))
    assert await store.read_result(PromptId("p-1"), 0) is None


async def check_kept_results_are_bounded_and_the_oldest_go(desk: Desk) -> None:
    store = desk.store()
    done = await ended(store, "p-1")
    part = BOUND * 2 // 5
    for index, at in ((0, 60.0), (1, 50.0), (2, 70.0)):  # index 1 is the oldest
        await store.keep_result(done, index, desk.blob(bytes([index]) * part), at)
    kept = [await store.read_result(done.prompt_id, index) for index in range(3)]
    assert [item is not None for item in kept] == [True, False, True]
    assert await store.read_task(done.prompt_id) == done, "the record outlives its bytes"


async def check_a_result_kept_again_is_counted_once(desk: Desk) -> None:
    store = desk.store()
    done = await ended(store, "p-1")
    part = BOUND * 2 // 5
    await store.keep_result(done, 0, desk.blob(b"a" * part), 40.0)
    for at in (50.0, 60.0, 70.0):
        await store.keep_result(done, 1, desk.blob(b"b" * part), at)
    assert await store.read_result(done.prompt_id, 0) is not None


async def check_a_result_over_the_bound_is_refused_and_evicts_nothing(desk: Desk) -> None:
    store = desk.store()
    done = await ended(store, "p-1")
    await store.keep_result(done, 0, desk.blob(b"small"), 40.0)
    error = await raises(StorageError, store.keep_result(done, 1, desk.blob(b"x" * (BOUND + 1)), 50.0))
    assert isinstance(error, StorageError)
    assert error.cause == "quota"
    assert await store.read_result(done.prompt_id, 0) is not None
    assert await store.read_result(done.prompt_id, 1) is None


async def check_a_deleted_task_takes_its_results_along(desk: Desk) -> None:
    store = desk.store()
    done, other = await ended(store, "p-1"), await ended(store, "p-10")
    for item in (done, other):
        await store.keep_result(item, 0, desk.blob(b"bytes"), 40.0)
    await store.delete_task(done)
    assert await store.read_task(done.prompt_id) is None
    assert await store.read_result(done.prompt_id, 0) is None
    assert await store.read_result(other.prompt_id, 0) is not None
    await raises(TaskNotFound, store.delete_task(done))


async def check_an_unfinished_task_is_not_deleted(desk: Desk) -> None:
    store = desk.store()
    known = await registered(store, "p-1")
    await raises(InvalidTransition, store.delete_task(replace(known, state=TaskState.SUCCEEDED)))
    assert await store.read_task(known.prompt_id) == known


async def check_inputs_are_kept_by_their_hash_and_bounded(desk: Desk) -> None:
    store = desk.store()
    part = BOUND * 2 // 5
    for number, name in enumerate(("aa", "bb", "cc")):
        await store.keep_input(name, desk.blob(name.encode() * (part // 2), "image/jpeg"), 40.0 + number)
    assert await store.read_input("aa") is None
    kept = await desk.store().read_input("cc")
    assert kept is not None
    assert (kept.size, kept.media_type) == (part, "image/jpeg")
    assert await kept.read() == b"cc" * (part // 2)
    assert await store.read_input("dd") is None


async def check_one_windows_many_operations_do_not_disturb_each_other(desk: Desk) -> None:
    store = desk.store()

    async def run(number: int) -> None:
        known = await registered(store, f"p-{number}", owner=f"w-{number}")
        for state in (TaskState.QUEUED, TaskState.RUNNING, TaskState.SUCCEEDED):
            known = replace(known, state=state)
            await store.update(known)

    await asyncio.gather(*map(run, range(12)))
    states = [item.state for item in await store.read_tasks()]
    assert states == [TaskState.SUCCEEDED] * 12
