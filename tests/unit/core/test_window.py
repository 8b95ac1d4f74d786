"""The aggregate's rules, one by one; `test_window_machine.py` tries them in every order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.core.errors import (
    AffinityError,
    InvalidTransition,
    ServerLockedError,
    ServerMoved,
    StillRestoring,
    TaskNotFound,
    UnboundTask,
    UnreadableRecord,
)
from app.core.model import Contact, Fleet, PromptId, ServerId, Task, TaskState, Unreadable
from app.core.window import (
    Free,
    Moored,
    Restoring,
    Window,
    address_tag,
    expect_restored,
    get_api_base_url,
    is_address_tag,
)
from tests.kit.builders import CLIENT, FLEET, ME, OTHER, A, B, address, reservation, server, submitted, task
from tests.ports.tasks import changed

EMPTY = Window(ME, CLIENT)
RESERVED = EMPTY.reserve(reservation("p-1", A))
REGISTERED = RESERVED.register_window_task(task("p-1", A))


def refuses(kind: type[AffinityError], step: Callable[[], object]) -> AffinityError:
    """The refusal, which must be of exactly that kind."""
    with pytest.raises(AffinityError) as caught:
        step()
    assert type(caught.value) is kind, f"{caught.value!r}"
    return caught.value


# The mooring follows from the work


def test_a_window_without_work_is_free() -> None:
    assert EMPTY.mooring == Free()
    assert EMPTY.window_locked_server is None


def test_a_reservation_alone_moors_the_window() -> None:
    assert RESERVED.mooring == Moored(A, address(A), frozenset({PromptId("p-1")}))
    assert RESERVED.window_locked_server == A


def test_the_mooring_stays_when_the_reservation_becomes_a_task() -> None:
    assert REGISTERED.mooring == RESERVED.mooring
    assert REGISTERED.reservations == {}


@pytest.mark.parametrize("end", [state for state in TaskState if state.is_end])
def test_any_end_of_the_last_work_frees_the_window(end: TaskState) -> None:
    assert REGISTERED.settle(submitted("p-1", A, state=end)).mooring == Free()


@pytest.mark.parametrize("state", [state for state in TaskState if not state.is_end])
@pytest.mark.parametrize("contact", list(Contact))
def test_unfinished_work_holds_whatever_is_known_of_its_server(state: TaskState, contact: Contact) -> None:
    window = REGISTERED.settle(task("p-1", A, state=state, contact=contact))
    assert window.window_locked_server == A


def test_only_the_last_end_frees_the_window() -> None:
    two = REGISTERED.reserve(reservation("p-2", A))
    ended = two.settle(submitted("p-1", A, state=TaskState.SUCCEEDED))
    assert ended.window_locked_server == A
    assert ended.release_reservation(PromptId("p-2")).mooring == Free()


def test_a_mooring_without_holders_cannot_be_built() -> None:
    refuses(InvalidTransition, lambda: Moored(A, address(A), frozenset()))


def test_a_window_on_two_servers_cannot_be_built() -> None:
    both = {PromptId("p-1"): task("p-1", A), PromptId("p-2"): task("p-2", B)}
    refuses(InvalidTransition, lambda: Window(ME, CLIENT, tasks=both))
    held = {PromptId("p-3"): reservation("p-3", B)}
    refuses(InvalidTransition, lambda: Window(ME, CLIENT, reservations=held, tasks={PromptId("p-1"): task("p-1", A)}))


def test_window_on_two_addresses_cannot_be_built() -> None:
    both = {PromptId("p-1"): task("p-1", A), PromptId("p-2"): task("p-2", A, address="http://elsewhere:1")}
    refuses(InvalidTransition, lambda: Window(ME, CLIENT, tasks=both))


def test_the_records_of_a_window_cannot_be_changed_from_outside() -> None:
    mine = {PromptId("p-1"): task("p-1", A)}
    window = Window(ME, CLIENT, tasks=mine)
    mine[PromptId("p-2")] = task("p-2", B)
    assert list(window.tasks) == ["p-1"]
    with pytest.raises(TypeError):
        window.tasks[PromptId("p-2")] = task("p-2", B)  # type: ignore[index]
    assert window.window_tasks == {"p-1": task("p-1", A)}


def test_the_places_of_a_window_cannot_be_changed_from_outside() -> None:
    mine = {PromptId("p-1"): reservation("p-1", A)}
    window = Window(ME, CLIENT, reservations=mine)
    mine[PromptId("p-2")] = reservation("p-2", B)
    assert list(window.reservations) == ["p-1"]
    with pytest.raises(TypeError):
        window.reservations[PromptId("p-2")] = reservation("p-2", B)  # type: ignore[index]


# The guard


@pytest.mark.parametrize("window", [RESERVED, REGISTERED], ids=["reserved", "registered"])
@pytest.mark.parametrize("operation", ["reserve", "upload_image", "submit_workflow", "connect", "anything"])
def test_the_guard_refuses_every_operation_for_another_server(window: Window, operation: str) -> None:
    error = refuses(ServerLockedError, lambda: window.validate_server_consistency(operation, B))
    refusal_facts = error.facts()
    assert refusal_facts == {"operation": operation, "asked": B, "locked": A, "holders": 1}
    window.validate_server_consistency(operation, A)


def test_the_guard_of_a_free_window_lets_everything_pass() -> None:
    for server_id in (A, B, ServerId("unheard-of")):
        EMPTY.validate_server_consistency("reserve", server_id)


# Reserve and release


def test_a_moored_window_reserves_only_where_it_is_moored() -> None:
    refuses(ServerLockedError, lambda: RESERVED.reserve(reservation("p-2", B)))
    assert RESERVED.reserve(reservation("p-2", A)).mooring == Moored(
        A, address(A), frozenset({PromptId("p-1"), PromptId("p-2")})
    )


def test_reservation_at_new_address_of_server_is_refused() -> None:
    moved = reservation("p-2", A, address="http://elsewhere:1")
    error = refuses(ServerMoved, lambda: RESERVED.reserve(moved))
    assert error.facts()["recorded"] == address(A)
    assert error.facts()["present"] == "http://elsewhere:1"


@pytest.mark.parametrize(
    ("window", "item"),
    [
        (EMPTY, reservation("p-2", A, window_id=OTHER)),
        (RESERVED, reservation("p-1", A)),
        (REGISTERED, reservation("p-1", A)),
    ],
    ids=["another window's", "reserved already", "a task already"],
)
def test_a_place_is_reserved_once_and_by_its_own_window(window: Window, item: object) -> None:
    refuses(InvalidTransition, lambda: window.reserve(item))  # type: ignore[arg-type]


def test_a_place_that_is_not_held_cannot_be_released() -> None:
    refuses(InvalidTransition, lambda: REGISTERED.release_reservation(PromptId("p-1")))
    assert RESERVED.release_reservation(PromptId("p-1")).mooring == Free()


# Register


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (task("p-2", A), InvalidTransition),
        (task("p-1", B), ServerLockedError),
        (task("p-1", A, address="http://elsewhere:1"), ServerMoved),
        (task("p-1", A, owner=OTHER), InvalidTransition),
        (task("p-1", A, is_ward=True), InvalidTransition),
        (submitted("p-1", A), InvalidTransition),
        (submitted("p-1", A, state=TaskState.SUCCEEDED), InvalidTransition),
    ],
    ids=["never reserved", "other server", "other address", "other owner", "ward", "not fresh", "ended"],
)
def test_only_the_reserved_task_on_the_reserved_server_is_registered(made: object, kind: type[AffinityError]) -> None:
    refuses(kind, lambda: RESERVED.register_window_task(made))  # type: ignore[arg-type]
    assert RESERVED.reservations and not RESERVED.tasks


# Settle


@pytest.mark.parametrize(
    "refusal_facts",
    [
        submitted("p-1", B),
        submitted("p-1", A, address="http://elsewhere:1"),
        submitted("p-1", A, owner=OTHER),
        submitted("p-1", A, epoch=0),
    ],
    ids=["other server", "other address", "other owner", "older epoch"],
)
def test_a_tasks_server_and_owner_never_change(refusal_facts: object) -> None:
    refuses(InvalidTransition, lambda: REGISTERED.settle(refusal_facts))  # type: ignore[arg-type]


def test_a_task_that_is_not_known_cannot_be_settled() -> None:
    refuses(TaskNotFound, lambda: EMPTY.settle(submitted("p-1", A)))


@pytest.mark.parametrize("elsewhere", [None, A, B], ids=["free", "moored there", "moored elsewhere"])
def test_an_ended_task_comes_back_only_as_a_ward(elsewhere: ServerId | None) -> None:
    """Its end has freed the window: work since then is not undone."""
    window = REGISTERED.settle(submitted("p-1", A, state=TaskState.LOST))
    window = window if elsewhere is None else window.reserve(reservation("p-2", elsewhere))
    refuses(InvalidTransition, lambda: window.settle(submitted("p-1", A, state=TaskState.RUNNING)))
    back = window.settle(submitted("p-1", A, state=TaskState.RUNNING, is_ward=True))
    assert back.window_locked_server == elsewhere
    assert [item.prompt_id for item in back.unfinished] == ["p-1"]


# Wards


def test_a_ward_is_watched_and_holds_nothing() -> None:
    window = REGISTERED.adopt(submitted("p-9", B, is_ward=True, epoch=2))
    assert window.window_locked_server == A
    assert [item.prompt_id for item in window.unfinished] == ["p-1", "p-9"]
    assert EMPTY.adopt(submitted("p-9", B, is_ward=True, epoch=2)).mooring == Free()


@pytest.mark.parametrize(
    ("window", "item"),
    [
        (EMPTY, submitted("p-9", B)),
        (EMPTY, submitted("p-9", B, is_ward=True, owner=OTHER)),
        (REGISTERED, submitted("p-1", A, is_ward=True)),
    ],
    ids=["no ward", "not ours", "known already"],
)
def test_only_a_ward_that_this_window_owns_is_adopted(window: Window, item: object) -> None:
    refuses(InvalidTransition, lambda: window.adopt(item))  # type: ignore[arg-type]


def test_a_task_that_is_let_go_of_frees_the_window() -> None:
    assert REGISTERED.drop(PromptId("p-1")).mooring == Free()
    refuses(TaskNotFound, lambda: EMPTY.drop(PromptId("p-1")))


# Restoring


def test_nothing_is_done_before_the_records_are_read() -> None:
    error = refuses(StillRestoring, lambda: expect_restored("run", Restoring(ME)))
    assert error.operation == "run"
    assert expect_restored("run", EMPTY) is EMPTY


def test_a_reload_comes_back_moored_to_the_same_server() -> None:
    window = Restoring(ME).restored(CLIENT, [submitted("p-1", A), submitted("p-0", B, state=TaskState.SUCCEEDED)])
    assert window.mooring == Moored(A, address(A), frozenset({PromptId("p-1")}))
    assert set(window.tasks) == {"p-0", "p-1"}
    assert window.violations() == ()


def test_records_that_disagree_are_quarantined_and_never_voted_on() -> None:
    oldest = submitted("p-1", A, created_at=1.0)
    others = [submitted(f"p-{index}", B, created_at=float(index)) for index in (2, 3, 4)]
    window = Restoring(ME).restored(CLIENT, [*others, oldest])
    assert window.window_locked_server == A
    assert window.quarantined == tuple(others)
    assert set(window.tasks) == {"p-1"}
    assert len(window.violations()) == 3


def test_quarantined_task_holds_nothing_after_good_one_ended() -> None:
    window = Restoring(ME).restored(CLIENT, [submitted("p-1", A), submitted("p-2", B, created_at=200.0)])
    assert window.settle(submitted("p-1", A, state=TaskState.SUCCEEDED)).mooring == Free()


@pytest.mark.parametrize(
    "record",
    [
        submitted("p-2", A, address="http://elsewhere:1", created_at=200.0),
        submitted("p-2", A, owner=OTHER, created_at=200.0),
        submitted("p-2", "", created_at=200.0),
        submitted("p-2", "", created_at=1.0),
    ],
    ids=["another address", "another owner", "no server", "no server, and the oldest"],
)
def test_tasks_contradicting_the_mooring_are_quarantined(record: object) -> None:
    window = Restoring(ME).restored(CLIENT, [submitted("p-1", A), record])  # type: ignore[list-item]
    assert window.window_locked_server == A
    assert window.quarantined == (record,)


def test_wards_and_ended_tasks_of_other_servers_are_no_disagreement() -> None:
    records = [
        submitted("p-1", A),
        submitted("p-2", B, is_ward=True),
        submitted("p-3", B, state=TaskState.FAILED),
    ]
    window = Restoring(ME).restored(CLIENT, records)
    assert window.quarantined == ()
    assert set(window.tasks) == {"p-1", "p-2", "p-3"}


def test_a_quarantined_task_can_be_let_go_of() -> None:
    window = Restoring(ME).restored(CLIENT, [submitted("p-1", A), submitted("p-2", B, created_at=200.0)])
    assert window.release_quarantined(PromptId("p-2")).quarantined == ()
    refuses(TaskNotFound, lambda: window.release_quarantined(PromptId("p-1")))


# Records that cannot be read


UNREAD = Unreadable(prompt_id=PromptId("p-9"), owner=ME, server_id=B, detail="Task.state is odd")


@pytest.mark.parametrize("tasks", [(), (submitted("p-1", A),)], ids=["nothing else", "moored"])
def test_window_with_unreadable_record_reserves_nothing(tasks: tuple[Task, ...]) -> None:
    window = Restoring(ME).restored(CLIENT, tasks, [UNREAD])
    error = refuses(UnreadableRecord, lambda: window.reserve(reservation("p-2", A)))
    assert error.facts() == {
        "operation": "reserve",
        "prompt_id": "p-9",
        "server_id": B,
        "detail": "Task.state is odd",
        "is_newer": False,
    }
    released = window.release_unreadable(PromptId("p-9"))
    assert released.unreadable == ()
    assert released.reserve(reservation("p-2", A)).window_locked_server == A


def test_a_task_of_another_window_is_a_violation() -> None:
    foreign = submitted("p-7", A, owner=OTHER, state=TaskState.SUCCEEDED)
    found = Window(ME, CLIENT, tasks={foreign.prompt_id: foreign}).violations()
    assert [text.split(":")[0] for text in found] == ["foreign owner"]


def test_an_unreadable_record_is_a_violation() -> None:
    window = Restoring(ME).restored(CLIENT, [], [UNREAD, Unreadable(prompt_id=PromptId("p-8"), detail="odd")])
    assert window.violations() == (
        "unreadable: p-9 on gpu-b: Task.state is odd",
        "unreadable: p-8 on an unknown server: odd",
    )


def test_task_with_unreadable_record_is_dropped() -> None:
    wrong = submitted("p-8", B, created_at=200.0)
    window = Restoring(ME).restored(CLIENT, [submitted("p-1", A), submitted("p-9", A, created_at=150.0), wrong])
    aside = window.note_unreadable([UNREAD, Unreadable(prompt_id=PromptId("p-8"))])
    assert set(aside.tasks) == {"p-1"}
    assert aside.quarantined == ()
    assert [item.prompt_id for item in aside.unreadable] == ["p-9", "p-8"]
    assert aside.note_unreadable([UNREAD]) == aside
    refuses(UnreadableRecord, lambda: aside.expect_readable("run"))


def test_only_an_unreadable_record_is_released_as_one() -> None:
    window = Restoring(ME).restored(CLIENT, [submitted("p-1", A)], [UNREAD])
    refuses(TaskNotFound, lambda: window.release_unreadable(PromptId("p-1")))


# A task's own record gives every address


@pytest.mark.parametrize("bound", [task("p-1", A), reservation("p-1", A), RESERVED.mooring])
def test_an_address_comes_from_the_record_alone(bound: object) -> None:
    assert get_api_base_url("view", bound, FLEET) == "/servers/gpu-a"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fleet", "present"),
    [
        (Fleet((server(B),)), ""),
        (Fleet((server(A, "http://elsewhere:1"), server(B))), "http://elsewhere:1"),
        (Fleet((replace(server(B), address=address(A)),)), ""),
        (Fleet(), ""),
    ],
    ids=["id gone", "id at another address", "address under another id", "no fleet"],
)
def test_nothing_is_sent_to_a_server_that_moved(fleet: Fleet, present: str) -> None:
    error = refuses(ServerMoved, lambda: get_api_base_url("view", task("p-1", A), fleet))
    assert error.facts() == {"operation": "view", "server_id": A, "recorded": address(A), "present": present}


def test_confirmed_move_is_no_move() -> None:
    there = server(A, "http://elsewhere:1")
    same = frozenset({(A, address(A), "http://elsewhere:1")})
    assert get_api_base_url("view", task("p-1", A), Fleet((there,), same=same)) == there.base
    moved_on = Fleet((server(A, "http://third:1"),), same=same)
    refuses(ServerMoved, lambda: get_api_base_url("view", task("p-1", A), moved_on))
    refuses(
        ServerMoved,
        lambda: get_api_base_url("view", task("p-1", B), Fleet((server(B, "http://elsewhere:1"),), same=same)),
    )


@pytest.mark.parametrize("changes", [{"server_id": ServerId("")}, {"address": ""}])
def test_task_without_server_or_address_is_unbound(changes: dict[str, str]) -> None:
    lost = submitted("p-1", A, state=TaskState.SUCCEEDED)
    window = Window(ME, CLIENT, tasks={PromptId("p-1"): changed(lost, **changes)})  # type: ignore[arg-type]
    refuses(UnboundTask, lambda: window.get_task("view", PromptId("p-1")))


def test_an_unbound_task_gets_no_address() -> None:
    window = Window(ME, CLIENT, tasks={PromptId("p-1"): submitted("p-1", "", state=TaskState.SUCCEEDED)})
    refuses(UnboundTask, lambda: window.get_task("view", PromptId("p-1")))
    refuses(TaskNotFound, lambda: window.get_task("view", PromptId("p-2")))
    assert window.violations() == ("unbound: p-1",)


@pytest.mark.parametrize(
    ("text", "is_tag"),
    [("0123abcd", True), ("0123abc", False), ("0123abcde", False), ("0123abcg", False), ("http://a", False)],
)
def test_tag_is_eight_hexadecimal_digits(text: str, is_tag: bool) -> None:
    assert is_address_tag(text) is is_tag
    assert (address_tag(text) == text) is is_tag
    assert is_address_tag(address_tag(text))


def test_an_address_and_its_tag_are_one_server() -> None:
    """Users who may not see addresses have tags, and their earlier records stay valid when that changes."""
    known = server(A)
    hidden = replace(known, address=address_tag(known.address))
    for recorded, present in ((known.address, hidden), (hidden.address, known), (hidden.address, hidden)):
        bound = task("p-1", A, address=recorded)
        assert get_api_base_url("view", bound, Fleet((present,))) == known.base
    elsewhere = replace(known, address=address_tag("http://elsewhere:1"))
    refuses(ServerMoved, lambda: get_api_base_url("view", task("p-1", A), Fleet((elsewhere,))))
    hidden_task = task("p-1", A, address=hidden.address)
    refuses(ServerMoved, lambda: get_api_base_url("view", hidden_task, Fleet((elsewhere,))))
