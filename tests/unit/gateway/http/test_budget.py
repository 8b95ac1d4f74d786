"""The budget of bytes in flight."""

from __future__ import annotations

import asyncio

import pytest

from gateway.http.budget import Budget, ShareLimits
from gateway.http.refusal import RefusedRequest
from wire.refusals import Cause


def cause(budget: Budget, owner: str, size: int) -> Cause | None:
    try:
        budget.bodies.hold(owner).take(size)
    except RefusedRequest as error:
        assert error.refusal.retry_after > 0
        return error.refusal.cause
    return None


def test_each_owner_has_a_byte_limit() -> None:
    budget = Budget(bodies=ShareLimits(100, 40))
    assert cause(budget, "a", 40) is None
    assert cause(budget, "a", 1) is Cause.TOO_MANY_REQUESTS
    assert cause(budget, "b", 40) is None
    assert cause(budget, "c", 40) is Cause.GATEWAY_BUSY
    assert budget.size == 80


def test_each_owner_has_a_request_limit() -> None:
    budget = Budget(most=3, most_of_one=2)
    held = [budget.bodies.hold("a", "x"), budget.bodies.hold("a", "y")]
    with pytest.raises(RefusedRequest) as refused:
        budget.bodies.hold("a", "z")
    assert refused.value.refusal.cause is Cause.TOO_MANY_REQUESTS
    budget.bodies.hold("b")
    with pytest.raises(RefusedRequest) as refused:
        budget.bodies.hold("c")
    assert refused.value.refusal.cause is Cause.GATEWAY_BUSY
    held[0].release()
    budget.bodies.hold("a")


def test_person_and_address_are_both_charged() -> None:
    budget = Budget(bodies=ShareLimits(100, 40))
    budget.bodies.hold("alice", "10.0.0.1").take(40)
    assert cause(budget, "10.0.0.1", 1) is Cause.TOO_MANY_REQUESTS
    assert cause(budget, "10.0.0.2", 1) is None


def test_released_bytes_can_be_reused() -> None:
    budget = Budget(bodies=ShareLimits(100, 40))
    with budget.bodies.hold("a") as held:
        held.take(10)
        held.take(30)
        held.take(20)  # the bytes already held are included
        assert (budget.size, budget.of("a"), budget.bodies.count) == (30, 30, 1)
        held.release()
        held.release()
    assert (budget.size, budget.of("a"), budget.bodies.count) == (0, 0, 0)


def test_refused_bytes_are_not_charged() -> None:
    budget = Budget(bodies=ShareLimits(100, 40))
    with budget.bodies.hold("a") as held:
        held.take(30)
        with pytest.raises(RefusedRequest):
            held.take(50)
        assert budget.size == 30
    assert budget.size == 0


async def test_answer_waits_for_room_of_its_owner() -> None:
    budget = Budget(answers=ShareLimits(100, 40))
    first, second = budget.answers.hold("a"), budget.answers.hold("a")
    await first.reserve(30)
    waiting = asyncio.create_task(second.reserve(20))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert budget.answers._freed
    assert (waiting.done(), budget.of("a")) == (False, 30)
    await budget.answers.hold("b").reserve(20)  # others do not wait
    first.shrink(20)
    await waiting
    assert (budget.of("a"), budget.of("b"), budget.size) == (40, 20, 60)
    first.release()
    second.release()
    assert (budget.of("a"), budget.size) == (0, 20)


async def test_answer_that_finds_no_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.budget.WAIT_SECONDS", 0.01)
    budget = Budget(answers=ShareLimits(100, 40))
    with budget.answers.hold("a") as held:
        held.take(40)
        with budget.answers.hold("a") as another, pytest.raises(RefusedRequest) as refused:
            await another.reserve(1)
        assert refused.value.refusal.cause is Cause.TOO_MANY_REQUESTS
        assert budget.of("a") == 40
    assert (budget.of("a"), budget.size, budget.answers.count) == (0, 0, 0)


async def test_any_answer_fits_into_an_empty_budget() -> None:
    with Budget().answers.hold("a") as held:
        await held.reserve(10**9)


def test_largest_socket_of_a_full_owner_is_closed() -> None:
    budget = Budget(sockets=ShareLimits(100, 40))
    closed: list[str] = []
    sockets = {name: budget.of_socket(name[0]) for name in ("a1", "a2", "b1")}
    for name, socket in sockets.items():
        socket.give_up = lambda name=name: closed.append(name)  # type: ignore[misc]
    sockets["b1"].hold(35)
    sockets["a1"].hold(30)
    sockets["a2"].hold(10)
    assert (budget.of("a"), budget.of("b"), closed) == (40, 35, [])
    sockets["a2"].hold(11)
    assert (budget.of("a"), budget.of("b"), closed) == (11, 35, ["a1"])
    sockets["a2"].hold(41)
    assert (budget.of("a"), budget.size, closed) == (0, 35, ["a1", "a2"])


def test_small_socket_stays_when_another_user_fills_the_share() -> None:
    budget = Budget(sockets=ShareLimits(100, 60))
    closed: list[str] = []
    sockets = {name: budget.of_socket(name) for name in ("a", "b", "c")}
    for name, socket in sockets.items():
        socket.give_up = lambda name=name: closed.append(name)  # type: ignore[misc]
    sockets["a"].hold(60)
    sockets["b"].hold(40)
    sockets["c"].hold(5)
    assert (closed, budget.of("c"), budget.size) == (["a"], 5, 45)


def test_sockets_and_bodies_leave_each_other_room() -> None:
    budget = Budget(bodies=ShareLimits(100, 40), sockets=ShareLimits(20, 20))
    assert cause(budget, "a", 40) is None
    socket = budget.of_socket("a")
    socket.hold(20)
    assert (budget.of("a"), cause(budget, "b", 40)) == (60, None)


def test_bodies_and_answers_leave_each_other_room() -> None:
    budget = Budget(bodies=ShareLimits(40, 40), answers=ShareLimits(50, 50), most=2, most_of_one=2)
    bodies = [budget.bodies.hold("a") for _ in range(2)]
    bodies[0].take(40)
    assert cause(budget, "b", 1) is Cause.GATEWAY_BUSY
    budget.answers.hold("a").take(50)
    assert (budget.of("a"), budget.size, budget.bodies.size, budget.answers.size) == (90, 90, 40, 50)
