"""The waiting line: its order, its pauses, what may be sent next, and what is written for each step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.core.errors import BadInput, BadPlan, InvalidTransition, MooringError, TaskNotFound
from app.core.model import BatchId, NodeId, Part, PromptId, Template, WindowId
from app.core.records import decode, encode
from app.core.waiting_runs import (
    AHEAD,
    EVERY,
    MOST_SENDERS,
    MOST_WAITING,
    Batch,
    LineChange,
    LineHead,
    Pause,
    WaitingRun,
    WaitingRuns,
    line_of,
    numbered_window,
    own_window_of,
    read_values,
    write_values,
)
from tests.kit.builders import ME, OTHER

BIGGEST = 2**64 - 1
GRAPH = '{"3": {"class_type": "KSampler", "inputs": {"seed": 1}}}'


TEXTS = json.dumps({name: {"class_type": "CLIPTextEncode", "inputs": {"text": ""}} for name in ("3", "4")})


def batch(name: str) -> Batch:
    return Batch(batch_id=BatchId(name), workflow=GRAPH, title="dunes")


def entries(name: str, *ids: str) -> list[WaitingRun]:
    return [
        WaitingRun(prompt_id=PromptId(prompt_id), owner=ME, part=Part(batch_id=BatchId(name), index=index))
        for index, prompt_id in enumerate(ids)
    ]


def line(*ids: str, name: str = "b") -> WaitingRuns:
    return WaitingRuns(window_id=ME).join(batch(name), entries(name, *ids), "line-1")


def ids(of: WaitingRuns) -> list[str]:
    return [item.prompt_id for item in of.entries]


def P(*names: str) -> list[PromptId]:  # noqa: N802 - reads like the ids it makes
    return [PromptId(name) for name in names]


# Order


def test_runs_wait_in_plan_order_behind_earlier_ones() -> None:
    both = line("a", "b").join(batch("later"), entries("later", "c", "d"), "line-2")
    assert ids(both) == ["a", "b", "c", "d"]
    assert both.line_id == "line-1", "a line keeps the identity that it began with"


@pytest.mark.parametrize(
    ("moved", "before", "order"),
    [("d", "a", "dabc"), ("a", None, "bcda"), ("a", "c", "bacd"), ("c", "b", "acbd"), ("b", "b", "abcd")],
)
def test_a_run_is_put_before_another_or_at_the_end(moved: str, before: str | None, order: str) -> None:
    after = line(*"abcd").move(PromptId(moved), PromptId(before) if before else None)
    assert "".join(ids(after)) == order
    assert len(line(*"abcd").change_to(after).put) == (moved != before), "one record says it"


@pytest.mark.parametrize(
    ("moved", "by", "order"),
    [("c", -1, "acbd"), ("c", 1, "abdc"), ("a", -1, "abcd"), ("d", 1, "abcd"), ("b", 9, "acdb"), ("d", -9, "dabc")],
)
def test_a_run_goes_up_and_down(moved: str, by: int, order: str) -> None:
    assert "".join(ids(line(*"abcd").step(PromptId(moved), by))) == order


def test_the_places_never_run_out() -> None:
    known = line("a", "b", "c")
    for _ in range(200):
        known = known.move(known.entries[2].prompt_id, known.entries[1].prompt_id)
        places = [item.place for item in known.entries]
        assert places == sorted(set(places))
    assert ids(known) == ["a", "b", "c"]


# What may be sent


def test_at_most_two_of_a_session_are_ahead() -> None:
    known = line("a", "b", "c")
    assert [known.due(ahead) is not None for ahead in range(AHEAD + 2)] == [True, True, False, False]
    assert known.due(0) == known.entries[0]
    assert known.due(1, P("a")) == known.entries[1]
    assert known.due(0, P("a", "b", "c")) is None


@pytest.mark.parametrize("is_unbounded", [False, True])
@pytest.mark.parametrize(("most", "sent"), [(1, 1), (2, 2), (AHEAD + 3, AHEAD)])
def test_no_more_are_ahead_than_the_installation_allows(*, is_unbounded: bool, most: int, sent: int) -> None:
    known = line("a", "b", "c").send_all(is_unbounded)
    allowed = most if is_unbounded else sent
    assert [known.due(ahead, most=most) is not None for ahead in range(most + 2)] == [
        ahead < allowed for ahead in range(most + 2)
    ]


def test_send_all_knows_no_bound_until_it_is_taken_back() -> None:
    known = line("a", "b").send_all()
    assert known.due(500) == known.entries[0]
    assert known.send_all(False).due(500) is None


def test_a_paused_line_sends_nothing_and_keeps_its_first_reason() -> None:
    known = line("a", "b").send_all().hold(Pause.REJECTED, PromptId("x"))
    assert known.due(0) is None
    held = known.hold(Pause.ASKED)
    assert (held.pause, held.paused_by) == (Pause.REJECTED, "x")
    assert (held.resume().pause, held.resume().paused_by) == (None, None)
    assert held.resume().due(0) is not None


def test_an_empty_line_has_nothing_left_of_what_it_was() -> None:
    known = line("a").send_all().spread(3).hold(Pause.ASKED)
    assert known.without(PromptId("a")) == known.cleared() == WaitingRuns(window_id=ME)
    assert known.cleared().head is None


def test_run_certainly_not_sent_returns_to_the_front() -> None:
    known = line("a", "b", "c")
    first = replace(known.entries[0], again_of=PromptId("tried"))
    after = known.without(PromptId("a")).put_back(first, PromptId("a2"), "line-2", known)
    assert ids(after) == ["a2", "b", "c"]
    assert (after.entries[0].again_of, after.entries[0].part) == ("tried", first.part)
    was = line("a").spread(3).send_all()
    emptied = was.without(PromptId("a")).put_back(first, PromptId("a2"), "line-2", was)
    assert (ids(emptied), emptied.line_id) == (["a2"], "line-2")
    assert (emptied.senders, emptied.is_unbounded) == (3, True), "it goes on as it was wished"


def test_run_put_back_is_written_with_its_batch() -> None:
    """The store deletes a batch with its last run, while this line may still know that run."""
    known = line("a", "b")
    left = known.without(PromptId("a"))
    change = left.change_to(left.put_back(known.entries[0], PromptId("a2"), "line-2", known))
    assert [item.batch_id for item in change.batches] == [known.entries[0].batch_id]


# Values


def test_values_keep_whole_numbers_whole() -> None:
    values = {("3", "seed"): BIGGEST, ("6", "text"): '沙丘 "x"', ("3", "cfg"): 7.5, ("3", "on"): True}
    assert read_values(write_values(values)) == values


def test_edited_run_has_new_values_and_label() -> None:
    known = line("a", "b").edit(PromptId("b"), {("3", "seed"): BIGGEST}, "seed big")
    changed = known.entry(PromptId("b"))
    assert changed.part.label == "seed big"
    assert changed.workflow_of(known.batches[changed.batch_id]).value("3", "seed") == BIGGEST
    with pytest.raises(BadInput):
        known.edit(PromptId("b"), {("9", "seed"): 1}, "")


def test_edited_prompt_loses_its_template_and_others_keep_theirs() -> None:
    drawn = {("3", "text"): "tabby", ("4", "text"): "sea"}
    made = tuple(Template(NodeId(node), "text", f"__{node}__") for node in ("3", "4"))
    entry = replace(entries("b", "a")[0], values=write_values(drawn), templates=made)
    known = WaitingRuns(window_id=ME).join(replace(batch("b"), workflow=TEXTS), [entry], "line-1")
    changed = known.edit(PromptId("a"), drawn | {("3", "text"): "mine"}, "").entry(PromptId("a"))
    assert [item.text for item in changed.templates] == ["__4__"]


# Refusals


@pytest.mark.parametrize(
    "step",
    [
        lambda known: known.entry(PromptId("x")),
        lambda known: known.without(PromptId("a"), PromptId("x")),
        lambda known: known.move(PromptId("x")),
        lambda known: known.move(PromptId("a"), PromptId("x")),
        lambda known: known.step(PromptId("x"), 1),
        lambda known: known.edit(PromptId("x"), {}, ""),
    ],
)
def test_a_run_that_does_not_wait_any_more_is_named(step: Callable[[WaitingRuns], object]) -> None:
    with pytest.raises(TaskNotFound) as caught:
        step(line("a", "b"))
    assert caught.value.prompt_id == "x"


def test_more_runs_of_a_batch_join_later() -> None:
    before = line("a", "b")
    after = before.join(before.batches[before.entries[0].batch_id], entries(before.entries[0].batch_id, "c"), "l")
    assert [item.prompt_id for item in after.entries] == ["a", "b", "c"]
    assert after.line_id == before.line_id
    assert before.change_to(after).batches == tuple(before.batches.values()), "the store may have dropped it"


@pytest.mark.parametrize(
    "step",
    [
        lambda known: known.join(batch("n"), entries("n", "a"), "l"),
        lambda known: known.join(batch("n"), entries("n", "c", "c"), "l"),
        lambda known: known.join(replace(batch("b"), title="other"), entries("b", "c"), "l"),
        lambda known: known.join(batch("n"), entries("m", "c"), "l"),
        lambda known: known.put_back(known.entries[0], PromptId("z"), "l", known),
        lambda known: known.put_back(entries("b", "z")[0], PromptId("a"), "l", known),
        lambda known: known.spread(-1),
        lambda known: known.spread(MOST_SENDERS + 1),
        lambda known: replace(known, line_id=""),
        lambda known: replace(known, entries=()),
        lambda known: replace(known, batches={}),
        lambda known: replace(known, entries=tuple(replace(item, owner=OTHER) for item in known.entries)),
        *(
            (lambda known, name=name, more=more: getattr(known.cleared(), name)(*more))
            for name, *more in (("resume",), ("send_all",), ("hold", Pause.ASKED), ("spread", 2))
        ),
    ],
)
def test_an_illegal_step_is_refused(step: Callable[[WaitingRuns], object]) -> None:
    with pytest.raises(InvalidTransition):
        step(line("a", "b"))


def test_more_than_may_wait_is_refused_as_a_whole() -> None:
    many = [f"p{number}" for number in range(MOST_WAITING)]
    full = line(*many)
    with pytest.raises(BadPlan) as caught:
        full.join(batch("n"), entries("n", "x"), "l")
    assert (caught.value.cause, caught.value.detail) == ("too-many-runs", str(MOST_WAITING + 1))
    with pytest.raises(BadPlan):
        WaitingRuns(window_id=ME).join(batch("n"), [], "l")


# The windows of one session


def test_numbered_windows_have_the_same_own_window() -> None:
    assert numbered_window(ME, 2) == numbered_window(ME, 2) != numbered_window(ME, 3)
    assert own_window_of(numbered_window(ME, 2)) == own_window_of(ME) == ME


# Any steps


class Disk:
    """A store after the changes, checked strictly."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, object]] = {}
        self.batches: dict[str, dict[str, object]] = {}
        self.head: dict[str, object] | None = None

    def write(self, change: LineChange) -> None:
        assert (self.head or {"line_id": ""})["line_id"] == change.line_id
        assert all(item.prompt_id in self.entries for item in change.put)
        assert all(item.prompt_id not in self.entries for item in change.added)
        for item in (*change.put, *change.added):
            self.entries[item.prompt_id] = encode(item)
        for item in change.removed:
            del self.entries[item.prompt_id]
        for item in change.batches:
            self.batches[item.batch_id] = encode(item)
        used = {decode(WaitingRun, item).batch_id for item in self.entries.values()}
        self.batches = {name: item for name, item in self.batches.items() if name in used}
        self.head = encode(change.head) if change.head else None

    def read(self) -> WaitingRuns:
        return line_of(
            decode(LineHead, self.head) if self.head else None,
            map(partial(decode, WaitingRun), self.entries.values()),
            map(partial(decode, Batch), self.batches.values()),
            ME,
        )


class Waiting(RuleBasedStateMachine):
    """A line, a plain list of ids beside it, and a store that gets each change."""

    def __init__(self) -> None:
        super().__init__()
        self.line = WaitingRuns(window_id=ME)
        self.order: list[str] = []
        self.disk = Disk()
        self.made = 0

    def take(self, step: Callable[[WaitingRuns], WaitingRuns]) -> bool:
        """Take a step, and write it; a refused one changes nothing."""
        before = self.line
        try:
            after = step(before)
        except MooringError:
            assert self.line is before
            return False
        self.disk.write(before.change_to(after))
        self.line = after
        return True

    def fresh(self, count: int) -> list[str]:
        self.made += count
        return [f"p-{number}" for number in range(self.made - count, self.made)]

    @rule(count=st.integers(1, 5))
    def joins(self, count: int) -> None:
        name, fresh = f"b-{self.made}", self.fresh(count)
        assert self.take(lambda known: known.join(batch(name), entries(name, *fresh), f"line-{name}"))
        self.order += fresh

    @precondition(lambda self: self.order)
    @rule(data=st.data())
    def moves(self, data: st.DataObject) -> None:
        moved, before = data.draw(st.sampled_from(self.order)), data.draw(st.sampled_from([*self.order, None]))
        assert self.take(lambda known: known.move(PromptId(moved), PromptId(before) if before else None))
        if before != moved:
            self.order.remove(moved)
            self.order.insert(self.order.index(before) if before else len(self.order), moved)

    @precondition(lambda self: self.order)
    @rule(data=st.data(), by=st.integers(-3, 3))
    def steps(self, data: st.DataObject, by: int) -> None:
        moved = data.draw(st.sampled_from(self.order))
        assert self.take(lambda known: known.step(PromptId(moved), by))
        index = self.order.index(moved)
        self.order.remove(moved)
        self.order.insert(max(0, index + by), moved)

    @precondition(lambda self: self.order)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.order))
        assert self.take(lambda known: known.without(PromptId(gone)))
        self.order.remove(gone)
        assert not self.take(lambda known: known.without(PromptId(gone)))

    @precondition(lambda self: self.order)
    @rule(ahead=st.integers(0, 4))
    def is_sent_and_comes_back(self, ahead: int) -> None:
        due = self.line.due(ahead)
        assert (due is None) == (self.line.pause is not None or (ahead >= AHEAD and not self.line.is_unbounded))
        if due is None:
            return
        assert due.prompt_id == self.order[0]
        was, (held,) = self.line, self.fresh(1)
        assert self.take(lambda known: known.without(due.prompt_id))
        assert self.take(lambda known: known.put_back(due, PromptId(held), "line-back", was))
        self.order[0] = held

    @precondition(lambda self: self.order)
    @rule(data=st.data(), seed=st.integers(0, BIGGEST))
    def is_edited(self, data: st.DataObject, seed: int) -> None:
        chosen = PromptId(data.draw(st.sampled_from(self.order)))
        assert self.take(lambda known: known.edit(chosen, {("3", "seed"): seed}, f"seed {seed}"))
        assert read_values(self.line.entry(chosen).values) == {("3", "seed"): seed}

    @rule(pause=st.sampled_from(Pause))
    def pauses(self, pause: Pause) -> None:
        assert self.take(lambda known: known.hold(pause, PromptId("why"))) == bool(self.order)

    @rule(is_wanted=st.booleans(), senders=st.integers(-1, MOST_SENDERS + 1))
    def is_wished_otherwise(self, is_wanted: bool, senders: int) -> None:
        assert self.take(WaitingRuns.resume) == self.take(lambda known: known.send_all(is_wanted)) == bool(self.order)
        assert self.take(lambda known: known.spread(senders)) == (bool(self.order) and EVERY <= senders <= MOST_SENDERS)

    @rule()
    def is_cleared(self) -> None:
        assert self.take(WaitingRuns.cleared)
        self.order.clear()

    @invariant()
    def keeps_its_order(self) -> None:
        assert ids(self.line) == self.order
        places = [item.place for item in self.line.entries]
        assert places == sorted(set(places))

    @invariant()
    def comes_back_from_the_store_as_it_was(self) -> None:
        assert self.disk.read() == self.line
        assert set(self.disk.batches) == set(self.line.batches)


TestWaiting = Waiting.TestCase
TestWaiting.settings = settings(max_examples=100, stateful_step_count=25, report_multiple_bugs=False)


def test_line_of_the_last_release_waits_as_before() -> None:
    """Its records have neither the time of a press nor a reason."""
    row = {
        "prompt_id": "p-1", "owner": "w-1", "part": {"batch_id": "b", "index": 0, "label": "", "cell": None},
        "values": "[]", "templates": [], "inputs": [], "place": 1.0, "again_of": None, "v": 1,
    }  # fmt: skip
    shared = {"batch_id": "b", "workflow": "{}", "title": "", "inputs": [], "is_click": True, "v": 1}
    head = {"window_id": "w-1", "line_id": "l", "pause": "asked", "paused_by": None, "hands": 2, "v": 1}
    line = line_of(decode(LineHead, head), [decode(WaitingRun, row)], [decode(Batch, shared)], WindowId("w-1"))
    assert [item.prompt_id for item in line.entries] == ["p-1"]
    assert (line.refused, line.pause, line.senders) == ((), Pause.ASKED, 2)
    assert line.change_to(line).put == ()


def test_every_server_is_a_number_of_its_own() -> None:
    known = line("a").spread(EVERY)
    assert known.head is not None and known.head.hands == 0, "the last release reads that as 1"
    assert line_of(known.head, known.entries, known.batches.values(), known.window_id) == known


def test_refused_click_waits_for_nothing_and_keeps_no_wish() -> None:
    first = line_of(None, [], [], WindowId("w-1"))
    click = Batch(batch_id=BatchId("c"), workflow="{}", is_click=True)
    part = Part(batch_id=BatchId("c"))
    entry = WaitingRun(prompt_id=PromptId("c"), owner=WindowId("w-1"), part=part)
    line = first.join(click, [entry], "l").spread(3).send_all().hold(Pause.ASKED).refuse(PromptId("c"), "why")
    assert (line.entries, line.pause, line.is_unbounded, line.senders) == ((), None, False, 1)
    assert line.has_record(PromptId("c")) and not line.has(PromptId("c"))
    assert line.due(0) is None
    with pytest.raises(InvalidTransition):
        line.join(click, [entry], "l")
    with pytest.raises(TaskNotFound):
        line.refuse(PromptId("c"), "again")
    assert line.dismiss(PromptId("other")) == line
    assert line.dismiss(PromptId("c")) == WaitingRuns(window_id=WindowId("w-1"))
