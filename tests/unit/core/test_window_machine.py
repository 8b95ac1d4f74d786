"""The aggregate under all transitions, in any order, with valid and invalid arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.core.errors import AffinityError, InvalidTransition, ServerLockedError, StillRestoring
from app.core.evidence import Evidence
from app.core.model import Contact, PromptId, ServerId, Task, TaskState, WindowId
from app.core.truth import judge
from app.core.window import Free, Moored, Restoring, Window, expect_restored
from tests.kit.builders import CLIENT, ME, OTHER, A, B, C, address, reservation, task
from tests.unit.core.evidence import ANY, at

SERVERS = st.sampled_from([A, B, C])
ADDRESSES = st.sampled_from(["", "", "", "http://elsewhere:1"])  # mostly the server's usual one
IDS = st.sampled_from([PromptId(f"p-{index}") for index in range(6)])
OWNERS = st.sampled_from([ME, ME, ME, OTHER])
GUARDED = ("reserve", "upload_image", "register_window_task", "submit_workflow", "connect")


@st.composite
def records(draw: st.DrawFn, prompt_id: PromptId) -> Task:
    """A stored task, as an earlier life of any window may have left it."""
    server_id = draw(SERVERS)
    return task(
        prompt_id,
        server_id,
        address=draw(ADDRESSES) or address(server_id),
        owner=draw(OWNERS),
        epoch=draw(st.integers(1, 3)),
        created_at=float(draw(st.integers(1, 4))),
        state=draw(st.sampled_from(TaskState)),
        contact=draw(st.sampled_from(Contact)),
        answered_at=draw(st.sampled_from([None, 50.0])),
        is_ward=draw(st.booleans()),
    )


STORES = st.lists(IDS, unique=True).flatmap(lambda ids: st.tuples(*(records(prompt_id) for prompt_id in ids)))


class Aggregate(RuleBasedStateMachine):
    """A window's value, replaced by the result of each rule; a refused rule must change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.window: Restoring | Window = Restoring(ME)
        self.now = 100.0
        self.bound: dict[PromptId, tuple[ServerId, str, WindowId]] = {}

    def attempt(self, step: Callable[[Window], Window]) -> AffinityError | None:
        """Take the step; return the refusal, if any."""
        assert isinstance(self.window, Window)
        before, held = self.window, self.window.mooring
        copy = (dict(before.reservations), dict(before.tasks), before.quarantined)
        try:
            self.window = step(before)
        except AffinityError as refusal:
            assert self.window is before
            assert (dict(before.reservations), dict(before.tasks), before.quarantined) == copy
            assert before.mooring == held
            return refusal
        return None

    @property
    def value(self) -> Window:
        """The restored window."""
        assert isinstance(self.window, Window)
        return self.window

    @initialize(stored=STORES)
    def restores(self, stored: tuple[Task, ...]) -> None:
        with pytest.raises(StillRestoring):
            expect_restored("reserve", self.window)
        self.reloads(stored)

    @rule(stored=STORES)
    def reloads(self, stored: tuple[Task, ...]) -> None:
        """A reload with any stored records, valid or not."""
        self.bound.clear()
        self.window = Restoring(ME).restored(CLIENT, stored)
        assert not self.window.reservations
        assert len(self.window.tasks) + len(self.window.quarantined) == len(stored), "no record is dropped in silence"
        assert all(item.owner == ME for item in self.window.tasks.values())

    @rule()
    def reloads_what_it_has(self) -> None:
        """A reload of a valid window loses only its reservations."""
        before = self.value
        self.window = Restoring(ME).restored(CLIENT, before.tasks.values())
        assert dict(self.window.tasks) == dict(before.tasks)
        assert not self.window.quarantined

    @rule(prompt_id=IDS, server_id=SERVERS, place=ADDRESSES, owner=OWNERS)
    def reserves(self, prompt_id: PromptId, server_id: ServerId, place: str, owner: WindowId) -> None:
        item = reservation(prompt_id, server_id, address=place or address(server_id), window_id=owner)
        held = self.value.mooring
        known = {*self.value.reservations, *self.value.tasks}
        refusal = self.attempt(lambda window: window.reserve(item))
        fits = not isinstance(held, Moored) or (held.server_id, held.address) == (item.server_id, item.address)
        assert (refusal is None) == (fits and owner == ME and prompt_id not in known)
        if isinstance(held, Moored) and held.server_id != server_id:
            assert isinstance(refusal, ServerLockedError)

    @rule(prompt_id=IDS)
    def releases(self, prompt_id: PromptId) -> None:
        had = prompt_id in self.value.reservations
        assert (self.attempt(lambda window: window.release_reservation(prompt_id)) is None) == had

    @rule(
        prompt_id=IDS, server_id=SERVERS, place=ADDRESSES, owner=OWNERS, is_ward=st.sampled_from([False, False, True])
    )
    def registers(self, prompt_id: PromptId, server_id: ServerId, place: str, owner: WindowId, is_ward: bool) -> None:
        held = self.value.reservations.get(prompt_id)
        made = task(prompt_id, server_id, address=place or address(server_id), owner=owner, is_ward=is_ward)
        before = self.value.mooring
        refusal = self.attempt(lambda window: window.register_window_task(made))
        fits = held is not None and (held.server_id, held.address) == (made.server_id, made.address)
        assert (refusal is None) == (fits and owner == ME and not is_ward)
        assert self.value.mooring == before, "what holds the window is the same piece of work"

    @precondition(lambda self: isinstance(self.window, Window) and self.window.reservations)
    @rule(data=st.data())
    def registers_what_it_reserved(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(sorted(self.value.reservations.values(), key=lambda item: item.prompt_id)))
        made = task(held.prompt_id, held.server_id, address=held.address)
        assert self.attempt(lambda window: window.register_window_task(made)) is None

    @precondition(lambda self: isinstance(self.window, Window) and self.window.tasks)
    @rule(data=st.data(), gap=st.floats(0.0, 5.0), piece=ANY)
    def learns(self, data: st.DataObject, gap: float, piece: Evidence) -> None:
        """Another piece of evidence about one task, judged and taken over."""
        self.now += gap
        known = data.draw(st.sampled_from(sorted(self.value.tasks.values(), key=lambda item: item.prompt_id)))
        judged = judge(known, at(piece, self.now))
        held = self.value.mooring
        refusal = self.attempt(lambda window: window.settle(judged))
        assert refusal is None, "what the evidence says always fits"
        assert self.value.tasks[known.prompt_id] == judged
        if known.state.is_end:
            assert self.value.mooring == held, "an end has freed the window, and nothing binds it again"

    @rule(prompt_id=IDS, server_id=SERVERS, owner=OWNERS, epoch=st.integers(0, 3))
    def settles_foreign_task(self, prompt_id: PromptId, server_id: ServerId, owner: WindowId, epoch: int) -> None:
        known = self.value.tasks.get(prompt_id)
        other = task(prompt_id, server_id, owner=owner, epoch=epoch, state=TaskState.RUNNING)
        refusal = self.attempt(lambda window: window.settle(other))
        fits = known is not None and (known.server_id, known.address) == (other.server_id, other.address)
        if known is None or not fits or owner != ME or epoch < known.epoch or known.state.is_end:
            assert refusal is not None

    @rule(prompt_id=IDS)
    def gives_up_what_is_quarantined(self, prompt_id: PromptId) -> None:
        held, had = self.value.mooring, any(item.prompt_id == prompt_id for item in self.value.quarantined)
        assert (self.attempt(lambda window: window.release_quarantined(prompt_id)) is None) == had
        assert self.value.mooring == held

    @rule(prompt_id=IDS)
    def lets_go(self, prompt_id: PromptId) -> None:
        had = prompt_id in self.value.tasks
        assert (self.attempt(lambda window: window.drop(prompt_id)) is None) == had
        self.bound.pop(prompt_id, None)

    @rule(data=st.data(), prompt_id=IDS)
    def adopts(self, data: st.DataObject, prompt_id: PromptId) -> None:
        item = data.draw(records(prompt_id))
        known, before = prompt_id in self.value.tasks, self.value.mooring
        refusal = self.attempt(lambda window: window.adopt(item))
        assert (refusal is None) == (not known and item.owner == ME and item.is_ward)
        assert self.value.mooring == before

    # What always holds

    @invariant()
    def is_free_exactly_without_holders(self) -> None:
        if isinstance(self.window, Restoring):
            return
        working = [item for item in self.window.tasks.values() if not item.state.is_end and not item.is_ward]
        holders = {*self.window.reservations, *(item.prompt_id for item in working)}
        mooring = self.window.mooring
        assert isinstance(mooring, Free) == (not holders)
        assert (self.window.window_locked_server is None) == (not holders)
        if isinstance(mooring, Moored):
            assert mooring.holders == holders
            places = {(item.server_id, item.address) for item in (*self.window.reservations.values(), *working)}
            assert places == {(mooring.server_id, mooring.address)}

    @invariant()
    def refuses_every_other_server(self) -> None:
        if isinstance(self.window, Restoring):
            return
        locked = self.window.window_locked_server
        for server_id in (A, B, C, ServerId("unheard-of")):
            for operation in GUARDED:
                if locked is None or locked == server_id:
                    self.window.validate_server_consistency(operation, server_id)
                    continue
                with pytest.raises(ServerLockedError) as caught:
                    self.window.validate_server_consistency(operation, server_id)
                assert (caught.value.asked, caught.value.locked) == (server_id, locked)

    @invariant()
    def keeps_every_tasks_server(self) -> None:
        if isinstance(self.window, Restoring):
            return
        for prompt_id, item in self.window.tasks.items():
            bound = (item.server_id, item.address, item.owner)
            assert self.bound.setdefault(prompt_id, bound) == bound

    @invariant()
    def cannot_be_rebuilt_with_a_second_server(self) -> None:
        """Nor can the value be copied into an illegal one."""
        if isinstance(self.window, Restoring) or not isinstance(self.window.mooring, Moored):
            return
        stranger = reservation("p-stranger", next(item for item in (A, B) if item != self.window.mooring.server_id))
        with pytest.raises(InvalidTransition):
            replace(self.window, reservations={**self.window.reservations, stranger.prompt_id: stranger})

    @invariant()
    def shows_what_is_quarantined(self) -> None:
        if isinstance(self.window, Restoring):
            return
        other = " ".join(self.window.violations())
        for item in self.window.quarantined:
            assert item.prompt_id in other


TestAggregate = Aggregate.TestCase
TestAggregate.settings = settings(max_examples=100, stateful_step_count=25, report_multiple_bugs=False)
