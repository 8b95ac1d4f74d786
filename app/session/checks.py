"""What contradicts a promise now: in the records, between memory and store, or at the live socket."""

from __future__ import annotations

from app.core.window import Moored, Window
from app.session.state import State


def violations(state: State, window: Window) -> tuple[str, ...]:
    """All contradictions of a window as messages for the console; empty if there are none."""
    return (*window.violations(), *_store_violations(state, window), *_socket_violations(state, window))


def _store_violations(state: State, window: Window) -> list[str]:
    stored = state.records.stored
    found = [
        f"store: {task.prompt_id} is on {kept.server_id} there and on {task.server_id} here"
        for task in window.tasks.values()
        if (kept := stored.get(task.prompt_id)) and (kept.server_id, kept.address) != (task.server_id, task.address)
    ]
    found += [f"store: {prompt_id} is not there" for prompt_id in window.tasks if prompt_id not in stored]
    return found


def _socket_violations(state: State, window: Window) -> list[str]:
    socket, mooring = state.live.socket(window.window_id), window.mooring
    if socket.state != "open" or not isinstance(mooring, Moored):
        return []
    base = socket.base.removeprefix("http")  # a page without a gateway has full URLs; the socket's begins with ws
    if socket.server_id == mooring.server_id and f"{base}/ws?" in socket.url:
        return []  # compared with where it was opened: that a server has moved since shows in its tasks
    return [f"socket: {socket.url} is not at {mooring.server_id}"]
