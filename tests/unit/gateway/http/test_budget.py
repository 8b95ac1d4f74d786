"""The budget of bytes in flight."""

from __future__ import annotations

import pytest

from gateway.http.budget import Budget
from gateway.http.refusal import Cause, Refused


def cause(budget: Budget, owner: str, size: int) -> Cause | None:
    try:
        budget.hold(owner).take(size)
    except Refused as error:
        assert error.refusal.retry_after > 0
        return error.refusal.cause
    return None


def test_each_owner_has_a_byte_limit() -> None:
    budget = Budget(most=100, most_of_one=40)
    assert cause(budget, "a", 40) is None
    assert cause(budget, "a", 1) is Cause.TOO_MANY_REQUESTS
    assert cause(budget, "b", 40) is None
    assert cause(budget, "c", 40) is Cause.GATEWAY_BUSY
    assert budget.size == 80


def test_each_owner_has_a_request_limit() -> None:
    budget = Budget(most_bodies=3, most_bodies_of_one=2)
    held = [budget.hold("a", "x"), budget.hold("a", "y")]
    with pytest.raises(Refused) as refused:
        budget.hold("a", "z")
    assert refused.value.refusal.cause is Cause.TOO_MANY_REQUESTS
    budget.hold("b")
    with pytest.raises(Refused) as refused:
        budget.hold("c")
    assert refused.value.refusal.cause is Cause.GATEWAY_BUSY
    held[0].release()
    budget.hold("a")


def test_person_and_address_are_both_charged() -> None:
    budget = Budget(most=100, most_of_one=40)
    budget.hold("alice", "10.0.0.1").take(40)
    assert cause(budget, "10.0.0.1", 1) is Cause.TOO_MANY_REQUESTS
    assert cause(budget, "10.0.0.2", 1) is None


def test_released_bytes_can_be_reused() -> None:
    budget = Budget(most=100, most_of_one=40)
    with budget.hold("a") as held:
        held.take(10)
        held.take(30)
        held.take(20)  # the bytes already held are included
        assert (budget.size, budget.of("a"), budget.bodies) == (30, 30, 1)
        held.release()
        held.release()
    assert (budget.size, budget.of("a"), budget.bodies) == (0, 0, 0)


def test_refused_bytes_are_not_charged() -> None:
    budget = Budget(most=100, most_of_one=40)
    with budget.hold("a") as held:
        held.take(30)
        with pytest.raises(Refused):
            held.take(50)
        assert budget.size == 30
    assert budget.size == 0
