"""Where further work may go: to the window's server, or to a chosen one; never beside a claim elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.core.balancer import ANY, Claims, Snapshot, Wish
from app.core.errors import AffinityError, NoServerAvailable, ServerLockedError, ServerMoved, UnreadableRecord
from app.core.model import Fleet, PromptId, Reservation, Unreadable, WindowId
from app.core.reservation import Wanted
from app.core.window import Window
from tests.kit.builders import CLIENT, FLEET, ME, OTHER, A, B, C, address, reservation, server, submitted

NEW = PromptId("p-new")
FREE = Window(ME, CLIENT)
MOORED = Window(ME, CLIENT, tasks={PromptId("p-1"): submitted()})
IDLE = [Snapshot(A), Snapshot(B), Snapshot(C)]


def broken(owner: WindowId | None) -> Unreadable:
    """An unreadable record."""
    return Unreadable(prompt_id=PromptId("p-9"), owner=owner, server_id=None, title="", detail="", is_newer=False)


def place(
    window: Window, claims: Claims, wish: Wish = ANY, snapshots: Sequence[Snapshot] = (), fleet: Fleet = FLEET
) -> Reservation:
    """The reservation."""
    return Wanted(NEW, window, wish).choose(claims, snapshots, fleet, now=500.0, tie=0.0)


def test_moored_window_gets_place_without_reading_loads() -> None:
    assert Wanted(NEW, MOORED, ANY).is_moored
    found = place(MOORED, Claims(unfinished=[submitted()]))
    assert (found.prompt_id, found.window_id, found.server_id, found.address, found.at) == (NEW, ME, A, address(A), 500)


def test_a_free_window_gets_the_chosen_server_with_its_address() -> None:
    assert not Wanted(NEW, FREE, ANY).is_moored
    found = place(FREE, Claims([reservation("p-2", A, window_id=OTHER)]), snapshots=IDLE, wish=Wish(avoided=B))
    assert (found.server_id, found.address) == (C, address(C))


@pytest.mark.parametrize(
    ("wish", "fleet", "error"),
    [
        (Wish(asked=B), FLEET, ServerLockedError),
        (Wish(avoided=A), FLEET, ServerLockedError),
        (ANY, Fleet((server(A, "http://elsewhere.test:8188"),)), ServerMoved),
        (ANY, Fleet((server(B),)), ServerMoved),
    ],
)
def test_forbidden_place_is_refused_before_reading(wish: Wish, fleet: Fleet, error: type[AffinityError]) -> None:
    with pytest.raises(error):
        Wanted(NEW, MOORED, wish).expect_possible(fleet)
    Wanted(NEW, FREE, wish).expect_possible(fleet)


def test_wish_for_the_moored_server_is_granted() -> None:
    Wanted(NEW, MOORED, Wish(asked=A)).expect_possible(FLEET)


@pytest.mark.parametrize(
    "claims",
    [
        Claims([reservation("p-2", B)]),
        Claims([reservation("p-2", A, address="http://elsewhere.test:8188")]),
        Claims(unfinished=[submitted("p-2", B)]),
    ],
)
def test_a_claim_of_this_window_elsewhere_refuses_every_other_server(claims: Claims) -> None:
    with pytest.raises(ServerLockedError):
        place(FREE, claims, snapshots=[Snapshot(A)])


def test_wards_and_others_claims_do_not_bind_the_window() -> None:
    claims = Claims(
        [reservation("p-2", B, window_id=OTHER)],
        [submitted("p-3", B, owner=OTHER), submitted("p-4", C, is_ward=True)],
    )
    assert place(FREE, claims, snapshots=[Snapshot(A)]).server_id == A


@pytest.mark.parametrize(("owner", "is_refused"), [(ME, True), (None, True), (OTHER, False)])
def test_unreadable_record_refuses_the_place(owner: WindowId | None, is_refused: bool) -> None:
    claims = Claims(unreadable=[broken(owner)])
    if is_refused:
        with pytest.raises(UnreadableRecord):
            place(FREE, claims, snapshots=IDLE)
        with pytest.raises(UnreadableRecord):
            Wanted(NEW, FREE.note_unreadable([broken(owner)]), ANY).expect_possible(FLEET)
    else:
        assert place(FREE, claims, snapshots=IDLE)


def test_chosen_server_missing_in_fleet_is_refused() -> None:
    with pytest.raises(NoServerAvailable):
        place(FREE, Claims(), snapshots=IDLE, fleet=Fleet(()))
