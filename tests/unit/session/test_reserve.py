"""A place is reserved on one server, and released whenever the run fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import ConnectError, NoServerAvailable, StorageError
from app.core.model import Fleet, WindowId
from app.session.submitting.reservations import RESERVE_TRIES
from tests.kit.stage import PHOTO, Stage, line_of, scene, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page


def misplace(page: Page, times: int) -> list[str]:
    """Make so many of the next choices outdated when the store returns them."""
    store, done = page.session._state.ports.store, list[str]()
    choose = store.reserve

    async def reserve(pick: Any) -> Any:
        reservation = await choose(pick)
        done.append(reservation.prompt_id)
        return replace(reservation, window_id=WindowId("other")) if len(done) <= times else reservation

    store.reserve = reserve  # type: ignore[method-assign]
    return done


@scene
async def test_outdated_choice_is_repeated(stage: Stage) -> None:
    page = await stage.window()
    done = misplace(page, RESERVE_TRIES - 1)
    prompt_id = await stage.run(page)
    assert done == [prompt_id] * RESERVE_TRIES


@scene
async def test_choices_that_never_fit_are_given_up_and_leave_nothing(stage: Stage) -> None:
    page = await stage.window()
    misplace(page, RESERVE_TRIES)
    with pytest.raises(NoServerAvailable):
        await stage.run(page)
    assert window_of(page).reservations == {} == stage.world.database.reservations
    assert stage.requests("POST", "/") == []


@scene
async def test_leftover_reservation_is_deleted_before_next_choice(stage: Stage) -> None:
    page = await stage.window()
    database = stage.world.database
    stage.once_stored(lambda: database.reservations, lambda: setattr(database, "is_blocked", True))
    with pytest.raises(StorageError):
        await stage.run(page)
    [left] = database.reservations
    database.is_blocked = False
    places = page.own.submitter.places
    held = await places.reserve(page.session._state.ports.random.uuid4())
    assert left not in database.reservations
    assert places._unreleased == set()
    await places.release(held.prompt_id)
    assert database.reservations == {}
    database.is_blocked = True
    await places.release(held.prompt_id)
    assert places._unreleased == set(), "without a place nothing is written"


@scene
async def test_released_place_that_was_never_written_is_forgotten(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=900)
    places = page.own.submitter.places
    held = await places.reserve(page.session._state.ports.random.uuid4(), is_bare=True)
    assert (held.prompt_id in window_of(page).reservations, stage.world.database.reservations) == (True, {})
    await places.release(held.prompt_id)
    assert (held.prompt_id in window_of(page).reservations, places._unwritten) == (False, {})


@scene
async def test_script_upload_before_fleet_is_known_waits_for_it(stage: Stage) -> None:
    page = await stage.window()
    state = page.session._state
    known = state.servers.fleet
    state.servers.reported(Fleet(), ())
    state.servers.has_fleet.clear()
    stage.world.later(1.0, lambda: state.servers.reported(known, ()))
    uploaded = await page.session.upload_image(Bytes(PHOTO, "image/png"), "photo.png")
    assert window_of(page).window_locked_server == uploaded.server_id
    await page.session.release_uploads()


@scene
async def test_without_servers_only_a_silent_gateway_lets_a_run_wait(stage: Stage) -> None:
    page = await stage.window()
    state = page.session._state
    state.servers.reported(Fleet(), ())
    state.servers.failed(ConnectError(None, "gateway"))
    prompt_id = await stage.run(page)
    assert line_of(page).has(prompt_id), "it waits for the gateway"
    state.servers.reported(state.servers.fleet, ())
    with pytest.raises(NoServerAvailable):
        await stage.run(page)
    assert stage.asked == []
