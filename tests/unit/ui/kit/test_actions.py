"""The table of actions: typed parameters from the facts of an event, one handler for each name."""

from __future__ import annotations

from enum import Enum

import pytest

from app.core.errors import BadInput
from app.core.model import PromptId
from app.ui.kit.actions import ActionTable, DuplicateAction, InvalidFacts, UnknownAction, action
from tests.kit.page.stills import MemoryContext


class Size(Enum):
    SMALL = "small"


class Owner:
    """Records its calls."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    @action("plain")
    def plain(self) -> None:
        self.calls.append("plain")

    @action("typed")
    def typed(self, prompt_id: PromptId, by: int, size: Size, *, is_after: bool, share: float, name: str = "") -> None:
        self.calls.append((prompt_id, by, size, is_after, share, name))

    @action("optional")
    def optional(self, batch_id: PromptId | None = None) -> None:
        self.calls.append(batch_id)


class Other:
    @action("plain")
    def same_name(self) -> None:
        """Never called."""


FACTS = {"promptId": "p", "by": "-1", "size": "small", "isAfter": "true", "share": "0.5"}


def test_handler_gets_facts_by_its_types() -> None:
    owner = Owner()
    table = ActionTable(MemoryContext(), owner)
    table.act("plain", {"testid": "x", "value": "", "checked": False})
    table.act("typed", FACTS)
    table.act("typed", {**FACTS, "isAfter": False, "name": "n"})
    table.act("optional", {})
    table.act("optional", {"batchId": "b"})
    one, two = ("p", -1, Size.SMALL, True, 0.5, ""), ("p", -1, Size.SMALL, False, 0.5, "n")
    assert owner.calls == ["plain", one, two, None, "b"]


@pytest.mark.parametrize(("fact", "value"), [("by", "much"), ("size", "huge"), ("isAfter", "perhaps"), ("share", "")])
def test_fact_of_another_type_is_an_error(fact: str, value: str) -> None:
    owner = Owner()
    with pytest.raises(InvalidFacts) as caught:
        ActionTable(MemoryContext(), owner).bind("typed", {**FACTS, fact: value})
    assert (caught.value.name, caught.value.fact, caught.value.value) == ("typed", fact, value)
    assert owner.calls == []


@pytest.mark.parametrize("fact", FACTS)
def test_missing_fact_is_an_error(fact: str) -> None:
    with pytest.raises(InvalidFacts) as caught:
        ActionTable(MemoryContext(), Owner()).bind(
            "typed", {name: value for name, value in FACTS.items() if name != fact}
        )
    assert (caught.value.fact, caught.value.value) == (fact, None)


def test_unknown_name_is_an_error() -> None:
    with pytest.raises(UnknownAction, match="strange"):
        ActionTable(MemoryContext(), Owner()).bind("strange", {})


def test_action_has_one_owner() -> None:
    with pytest.raises(DuplicateAction) as caught:
        ActionTable(MemoryContext(), Owner(), Other())
    assert caught.value.owners == ("Owner.plain", "Other.same_name")


def test_parameter_of_no_fact_is_refused_where_it_is_declared() -> None:
    with pytest.raises(TypeError, match="places"):

        @action("strange")
        def strange(_self: object, places: list[str]) -> None:
            """Never called."""


async def test_error_of_a_handler_is_shown() -> None:
    class Refused:
        @action("refused")
        async def refused(self) -> None:
            raise BadInput("empty", "boat.png")

    context = MemoryContext()
    ActionTable(context, Refused()).act("refused", {})
    await context.done()
    assert [str(error) for _, error in context.ui.errors] == [str(BadInput("empty", "boat.png"))]
