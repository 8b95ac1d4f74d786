"""The self-check behind `testServerConsistencyFixes()`: the real session on a sandbox, in the page that runs it.

    results = await run_selfcheck()
    [result.name for result in results if not result.ok]

Each check makes its own sandbox, so it touches none of the user's work. It calls the very code that the window
runs: without the guard in that code, checks fail.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from app.core.errors import MooringError, ServerLockedError, ServerMoved, UnboundTask
from app.core.model import Fleet, PromptId, ServerId, Task
from app.core.window import Window
from app.core.workflow import ApiWorkflow, parse_workflow
from app.session.memory.sandbox import HERE, THERE, Sandbox, make_fleet
from app.session.session import Session

PATIENCE = 10.0  # seconds for one check; it takes a fraction of one
OPERATIONS = (
    "upload_image",
    "submit_workflow",
    "register_window_task",
    "get_task_history",
    "get_task_bound_image_url",
    "connect",
    "reserve",
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check. `detail` says what happened instead, when it failed."""

    name: str
    ok: bool
    detail: str = ""


async def run_selfcheck() -> tuple[CheckResult, ...]:
    """Run every check, one after another."""
    return tuple([await _run(name, check) for name, check in CHECKS.items()])


async def _run(name: str, check: Callable[[Sandbox, Session], Awaitable[None]]) -> CheckResult:
    try:
        async with asyncio.timeout(PATIENCE), _session() as (sandbox, session):
            await check(sandbox, session)
    except AssertionError as error:
        return CheckResult(name, False, str(error))
    except Exception as error:  # noqa: BLE001 - whatever a broken promise raises is this check's result
        return CheckResult(name, False, "".join(traceback.format_exception_only(error)).strip())
    return CheckResult(name, True)


@asynccontextmanager
async def _session() -> AsyncIterator[tuple[Sandbox, Session]]:
    sandbox = Sandbox()
    session = Session(sandbox.ports)
    await session.start()
    try:
        await _until(lambda: bool(session.fleet.servers))
        yield sandbox, session
    finally:
        await session.stop()


async def _registration_binds_the_server(sandbox: Sandbox, session: Session) -> None:
    prompt_id = await session.run(_workflow(), server_id=HERE)
    stored, window = _stored(sandbox, prompt_id), _window(session)
    _expect(stored.execution_server == HERE, f"the record names {stored.execution_server}")
    _expect(stored.address == _address(session.fleet, HERE), f"the record has the address {stored.address}")
    _expect(window.window_locked_server == HERE, f"the window is moored to {window.window_locked_server}")
    for elsewhere in (replace(stored, server_id=THERE), replace(stored, address=_address(session.fleet, THERE))):
        _refused(MooringError, partial(window.settle, elsewhere), "a registered task was bound to another server")


async def _the_picture_comes_from_the_bound_server(sandbox: Sandbox, session: Session) -> None:
    first = await _finished(sandbox, session, HERE)
    second = await _finished(sandbox, session, THERE)
    await session.run(_workflow(), server_id=THERE)
    for prompt_id, server_id in ((first, HERE), (second, THERE)):
        address = session.get_task_bound_image_url(prompt_id)
        _expect(address.startswith(f"/servers/{server_id}/view?"), f"{address} is not at {server_id}")
        _expect(f"GET {address}" in sandbox.servers.asked, f"nothing was fetched from {address}")
    sandbox.fleet.put(make_fleet(moved=HERE))
    await _until(lambda: session.fleet == make_fleet(moved=HERE))
    _refused(ServerMoved, lambda: session.get_task_bound_image_url(first), "an address at a server that has moved")


async def _a_missing_binding_is_refused(sandbox: Sandbox, session: Session) -> None:
    prompt_id = await session.run(_workflow(), server_id=HERE)
    known, window = _stored(sandbox, prompt_id), _window(session)
    for unbound in (replace(known, server_id=ServerId("")), replace(known, address="")):
        broken = Window(window.window_id, window.client_id, tasks={prompt_id: unbound})
        _refused(UnboundTask, partial(broken.get_task, "view", prompt_id), "a task without a server")


async def _a_reconnect_stays_on_the_server(sandbox: Sandbox, session: Session) -> None:
    await session.run(_workflow(), server_id=HERE)
    for count in (1, 2, 3):
        await _until(partial(_has_opened, sandbox, count))
        await sandbox.sockets.opened[-1].close()
    await _until(partial(_has_opened, sandbox, 4))
    strays = [socket.url for socket in sandbox.sockets.opened if f"/servers/{HERE}/ws?" not in socket.url]
    _expect(not strays, f"reconnected to {strays}")
    _expect(_window(session).window_locked_server == HERE, "a lost socket freed the window")


async def _the_guard_refuses_every_other_server(sandbox: Sandbox, session: Session) -> None:
    await session.run(_workflow(), server_id=HERE)
    for operation in OPERATIONS:
        session.validate_server_consistency(operation, HERE)
        _refused(
            ServerLockedError,
            partial(session.validate_server_consistency, operation, THERE),
            f"{operation} on {THERE} may pass while {HERE} holds the window",
        )
    try:
        await session.run(_workflow(), server_id=THERE)
    except ServerLockedError as error:
        _expect((error.asked, error.locked) == (THERE, HERE), f"the refusal names {error}")
    else:
        raise AssertionError(f"work for {THERE} was taken while {HERE} holds the window")
    used = [*sandbox.servers.asked, *(socket.url for socket in sandbox.sockets.opened)]
    strays = [line for line in used if f"/servers/{THERE}/" in line]
    _expect(not strays, f"sent all the same: {strays}")


async def _the_last_end_frees_the_window(sandbox: Sandbox, session: Session) -> None:
    one, other = await session.run(_workflow(), server_id=HERE), await session.run(_workflow())
    _expect(_stored(sandbox, other).execution_server == HERE, "the second run went elsewhere")
    sandbox.servers.finish(one)
    await _until(lambda: _task(session, one).state.is_end)
    _expect(_window(session).window_locked_server == HERE, "freed with work pending")
    sandbox.servers.finish(other)
    await _until(lambda: _window(session).window_locked_server is None)


CHECKS: dict[str, Callable[[Sandbox, Session], Awaitable[None]]] = {
    "registration binds the server": _registration_binds_the_server,
    "the picture's address comes from the bound server only": _the_picture_comes_from_the_bound_server,
    "a missing binding is refused": _a_missing_binding_is_refused,
    "a socket reconnect stays on the server": _a_reconnect_stays_on_the_server,
    "the guard refuses every operation for another server": _the_guard_refuses_every_other_server,
    "only the last end frees the window": _the_last_end_frees_the_window,
}


async def _finished(sandbox: Sandbox, session: Session, server_id: ServerId) -> PromptId:
    """Run a task to its end on that server, so that the window is free afterwards."""
    prompt_id = await session.run(_workflow(), server_id=server_id)
    sandbox.servers.finish(prompt_id)
    await session.wait_for(prompt_id)
    return prompt_id


def _workflow() -> ApiWorkflow:
    return parse_workflow({"9": {"class_type": "SaveImage", "inputs": {}}})


def _window(session: Session) -> Window:
    if not isinstance(session.window, Window):
        raise AssertionError("the sandbox's window is not restored")
    return session.window


def _stored(sandbox: Sandbox, prompt_id: PromptId) -> Task:
    found = sandbox.store.database.task(prompt_id)
    if found is None:
        raise AssertionError(f"{prompt_id} is not in the store")
    return found


def _task(session: Session, prompt_id: PromptId) -> Task:
    return _window(session).tasks[prompt_id]


def _address(fleet: Fleet, server_id: ServerId) -> str:
    server = fleet.get(server_id)
    return server.address if server else ""


def _has_opened(sandbox: Sandbox, count: int) -> bool:
    return len(sandbox.sockets.opened) >= count


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the sandbox has no event for each condition
        await asyncio.sleep(0.005)


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


def _refused(kind: type[MooringError], action: Callable[[], object], otherwise: str) -> None:
    try:
        action()
    except kind:
        return
    raise AssertionError(otherwise)
