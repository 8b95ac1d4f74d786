"""Faults of servers: of the process, of its place in the fleet, and by other users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.simulation.faults import Aim, fault, machine_at
from tests.simulation.faults_transport import begin_gateway_restart
from tests.simulation.network import home_of
from tests.simulation.orders import a_picture
from tests.simulation.phases import Phase, work_at
from tests.simulation.server import SimServer

if TYPE_CHECKING:
    from tests.simulation.world import World

NO_FILE = "nothing was made yet"
WITHOUT_ENTRY = dict.fromkeys((Phase.RESERVED, Phase.UPLOADING, Phase.REGISTERED, Phase.QUEUED, Phase.RUNNING), NO_FILE)
NOT_PENDING = {
    phase: "it is not waiting in a queue"
    for phase in Phase
    if phase not in (Phase.POSTED, Phase.UNCLEAR, Phase.QUEUED, Phase.SETTLED)  # after giving up it may still wait
}
NOT_RUNNING = {
    phase: "it does not run"
    for phase in Phase
    if phase not in (Phase.POSTED, Phase.UNCLEAR, Phase.RUNNING, Phase.SETTLED)
}


# The process


@fault("server killed")
def kill_server(world: World, aim: Aim) -> Iterable[str] | None:
    """The process ends with its memory; it restarts after a while."""
    machine = machine_at(world, aim)
    if machine is None:
        return None
    machine.is_down = True
    _reboot(world, machine)

    def up() -> None:
        machine.is_down = False

    world.later(world.chance.uniform(3.0, 40.0), up)
    return work_at(world, aim.address)


@fault("server restarted")
def restart_server(world: World, aim: Aim) -> Iterable[str] | None:
    """The process restarts before the next poll."""
    machine = machine_at(world, aim)
    if machine is None:
        return None
    _reboot(world, machine)
    return work_at(world, aim.address)


def _reboot(world: World, machine: SimServer) -> None:
    machine.restart()
    machine.awake.set()
    world.power(machine)


@fault("server hung")
def hang_server(world: World, aim: Aim) -> Iterable[str] | None:
    """It accepts connections and answers none for a while."""
    machine = machine_at(world, aim)
    if machine is None or not machine.awake.is_set():
        return None
    machine.awake.clear()
    world.later(world.chance.uniform(2.0, 60.0), machine.awake.set)
    return work_at(world, aim.address)


@fault("executor died")
def kill_executor(world: World, aim: Aim) -> Iterable[str] | None:
    """It accepts prompts and never runs them until a restart (docs/comfyui.md 8)."""
    machine = machine_at(world, aim)
    if machine is None or world.has_dead_executor(machine):
        return None
    world.workers[machine.name].cancel()

    def notice() -> None:
        if world.has_dead_executor(machine):
            world.tally.excuse("executor died", work_at(world, aim.address))
            _reboot(world, machine)

    world.later(world.chance.uniform(10.0, 90.0), notice)
    return work_at(world, aim.address)


# Its address


@fault("server swapped")
def swap_server(world: World, aim: Aim) -> Iterable[str] | None:
    """Another ComfyUI answers at its address for a while."""
    machine = machine_at(world, aim)
    network = world.network
    if machine is None or machine is not world.stood_at[aim.address][0]:
        return None
    other = SimServer(f"{machine.name}-{len(world.stood_at[aim.address])}")
    world.stood_at[aim.address].append(other)
    world.power(other)
    network.machines[aim.address] = other
    _drop_all(machine)

    def back() -> None:
        world.tally.excuse("server swapped", work_at(world, aim.address))
        network.machines[aim.address] = machine
        _drop_all(other)

    world.later(world.chance.uniform(3.0, 60.0), back)
    return work_at(world, aim.address)


def _drop_all(machine: SimServer) -> None:
    for socket in tuple(machine.all_sockets):
        machine.drop(socket)


@fault("server moved")
def move_server(world: World, aim: Aim) -> Iterable[str] | None:
    """The fleet gives its id the address of another machine for a while."""
    network = world.network
    if _is_fleet_changed(world):
        return None
    address = f"http://{aim.server_id}-new.test:8188"
    if address not in network.machines:
        machine = SimServer(f"{aim.server_id}-new")
        network.machines[address] = machine
        world.stood_at[address] = [machine]
        world.power(machine)
    _change_fleet(world)
    network.moved[aim.server_id] = address
    return work_at(world, aim.address)


@fault("server ids swapped")
def swap_ids(world: World, aim: Aim) -> Iterable[str] | None:
    """The fleet calls two servers by each other's id for a while."""
    if _is_fleet_changed(world):
        return None
    other = world.chance.choice([server_id for server_id in world.sims if server_id != aim.server_id])
    _change_fleet(world)
    world.network.moved.update({aim.server_id: home_of(other), other: home_of(aim.server_id)})
    return [*work_at(world, home_of(aim.server_id)), *work_at(world, home_of(other))]


@fault("server unlisted")
def remove_server(world: World, aim: Aim) -> Iterable[str] | None:
    """The fleet lacks the server for a while."""
    if _is_fleet_changed(world):
        return None
    _change_fleet(world)
    world.network.removed.add(aim.server_id)
    return work_at(world, home_of(aim.server_id))


def _is_fleet_changed(world: World) -> bool:
    return bool(world.network.moved or world.network.removed or world.network.is_down)


def _change_fleet(world: World) -> None:
    """Restart the gateway, which reads the fleet only at its start."""
    begin_gateway_restart(world, world.chance.uniform(0.1, 3.0))

    def undo() -> None:
        if world.network.moved or world.network.removed:
            world.network.moved.clear()
            world.network.removed.clear()
            begin_gateway_restart(world, world.chance.uniform(0.1, 3.0))

    world.later(world.chance.uniform(5.0, 60.0), undo)


# Other users


@fault("queue cleared", unreachable=NOT_PENDING)
def clear_queue(world: World, aim: Aim) -> Iterable[str] | None:
    """Another user empties the queue in ComfyUI's own page."""
    machine = machine_at(world, aim)
    waiting = [item[1] for item in machine.heap] if machine else []
    if machine is None or not waiting or (aim.prompt_id and aim.prompt_id not in waiting):
        return None
    _send_as_other_user(world, machine, "/queue", b'{"clear": true}')
    return waiting


@fault("interrupted by another", unreachable=NOT_RUNNING)
def interrupt(world: World, aim: Aim) -> Iterable[str] | None:
    """Another user interrupts in ComfyUI's own page."""
    machine = machine_at(world, aim)
    if machine is None or machine.running is None or aim.prompt_id not in {"", machine.running[1]}:
        return None
    _send_as_other_user(world, machine, "/interrupt", b"")
    return [machine.running[1]]


@fault("queue held by another")
def hold_queue(world: World, aim: Aim) -> Iterable[str] | None:
    """Let another user pause the queue for a while: the running prompt continues, the others wait."""
    machine = machine_at(world, aim)
    if machine is None or machine.is_held:
        return None
    machine.hold(True)
    world.later(world.chance.uniform(5.0, 60.0), lambda: machine.hold(False))
    return work_at(world, aim.address)


@fault("history cleared", unreachable=WITHOUT_ENTRY)
def clear_history(world: World, aim: Aim) -> Iterable[str] | None:
    """Another user empties the history."""
    machine = machine_at(world, aim)
    if machine is None or aim.prompt_id not in machine.history:
        return None
    known = list(machine.history)
    machine.history.clear()
    return known


@fault("history evicted", unreachable=WITHOUT_ENTRY)
def evict_history(world: World, aim: Aim) -> Iterable[str] | None:
    """The entry is the oldest of ten thousand, and is dropped."""
    machine = machine_at(world, aim)
    if machine is None or aim.prompt_id not in machine.history:
        return None
    del machine.history[aim.prompt_id]
    return [aim.prompt_id]


@fault("file overwritten", unreachable=WITHOUT_ENTRY)
def overwrite_file(world: World, aim: Aim) -> Iterable[str] | None:
    """Another user replaces the bytes of a result."""
    machine = machine_at(world, aim)
    keys = _files_of(machine, aim.prompt_id) if machine else []
    if machine is None or not keys:
        return None
    for key in keys:
        machine.files[key] = (a_picture(world.chance), world.loop.time())
    sharing = [prompt_id for prompt_id in machine.history if set(_files_of(machine, prompt_id)) & set(keys)]
    for key in keys:
        world.promises.overwritten[machine.name, key].append(machine.now_ms() / 1000)
    return sharing


@fault("file deleted", unreachable=WITHOUT_ENTRY)
def delete_file(world: World, aim: Aim) -> Iterable[str] | None:
    """Another user deletes files of the output folder."""
    machine = machine_at(world, aim)
    keys = _files_of(machine, aim.prompt_id) if machine else []
    if machine is None or not keys:
        return None
    sharing = [prompt_id for prompt_id in machine.history if set(_files_of(machine, prompt_id)) & set(keys)]
    for key in keys:
        machine.files.pop(key, None)
        world.promises.deleted.add((machine.name, key))
    return sharing


def _files_of(machine: SimServer, prompt_id: str) -> list[tuple[str, str, str]]:
    entry: dict[str, Any] = machine.history.get(prompt_id, {})
    made = [item for outputs in entry.get("outputs", {}).values() for item in outputs.get("images", [])]
    return [(item["type"], item["subfolder"], item["filename"]) for item in made]


def _send_as_other_user(world: World, machine: SimServer, path: str, body: bytes) -> None:
    world.spawn(machine.request("POST", path, {}, body))
