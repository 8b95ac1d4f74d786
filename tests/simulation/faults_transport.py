"""Faults of sockets, of the gateway and of the page's own network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.simulation.faults import Aim, fault, machine_at
from tests.simulation.phases import all_work, owner_of, work_at, work_of, work_of_window

if TYPE_CHECKING:
    from tests.simulation.transport import SimConnection
    from tests.simulation.world import World


@fault("socket dropped", 2)
def drop_socket(world: World, aim: Aim) -> Iterable[str] | None:
    """The page's connection breaks."""
    connection = _socket_of(world, aim)
    if connection is None or connection.server is None or connection.socket is None:
        return None
    connection.server.drop(connection.socket)
    return _heard_by(world, aim, connection)


@fault("socket deaf", 2)
def deafen(world: World, aim: Aim) -> Iterable[str] | None:
    """A second socket of the same client_id opens and closes: the first stays open and receives nothing more."""
    connection = _socket_of(world, aim)
    if connection is None or connection.server is None:
        return None
    ghost = connection.server.connect(connection.client_id, lambda _message: None, lambda: None)
    connection.server.disconnect(ghost)
    return _heard_by(world, aim, connection)


def _socket_of(world: World, aim: Aim) -> SimConnection | None:
    """Return the open socket of the window that has the work, or the newest of the page."""
    if aim.page is None:
        return None
    living, owner = aim.page.sockets.living, owner_of(world, aim.prompt_id)
    clients = {window.client_id for window in aim.page.windows if window.window_id == owner}
    own = [item for item in living if item.client_id in clients]
    return next(reversed(own or living), None)


def _heard_by(world: World, aim: Aim, connection: SimConnection) -> list[str]:
    """Return the work on which this socket reports: that of its window."""
    windows = aim.page.windows if aim.page else ()
    window = next((item for item in windows if item.client_id == connection.client_id), None)
    return work_of_window(world, window.window_id) if window is not None else []


@fault("sockets refused")
def refuse_sockets(world: World, aim: Aim) -> Iterable[str] | None:
    """The server refuses sockets for a while, and open ones break."""
    machine = machine_at(world, aim)
    if machine is None or aim.address in world.network.refusing:
        return None
    world.network.refusing.add(aim.address)
    for socket in tuple(machine.all_sockets):
        machine.drop(socket)
    world.later(world.chance.uniform(5.0, 60.0), lambda: world.network.refusing.discard(aim.address))
    return work_at(world, aim.address)


@fault("events stalled")
def stall_events(world: World, aim: Aim) -> Iterable[str] | None:
    """Another client does not read: no client gets that server's events until it has gone, and then all of them."""
    if machine_at(world, aim) is None or world.network.stalled:
        return None
    world.network.stalled.add(aim.address)
    world.later(world.chance.uniform(5.0, 60.0), world.network.unstall)
    return work_at(world, aim.address)


@fault("gateway restarted")
def restart_gateway(world: World, _: Aim) -> Iterable[str] | None:
    """All requests break, and for a moment nothing can be reached."""
    if world.network.is_down:
        return None
    begin_gateway_restart(world, world.chance.uniform(0.2, 8.0))
    return all_work(world)


def begin_gateway_restart(world: World, seconds: float) -> None:
    """Stop the gateway now, and start it later."""
    world.network.is_down = True
    world.network.restart_gateway()

    def up() -> None:
        world.network.is_down = False

    world.later(seconds, up)


@fault("page offline")
def go_offline(world: World, aim: Aim) -> Iterable[str] | None:
    """The page's own network is down for a while; an event reports its return."""
    page = aim.page
    if page is None or not page.life.is_online:
        return None
    page.life.is_online = False
    page.sockets.vanish()

    def back() -> None:
        page.life.is_online = True
        if page.is_awake:
            page.session.wake("online")

    world.later(world.chance.uniform(3.0, 60.0), back)
    return work_of(world, page)
