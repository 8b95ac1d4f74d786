"""A result that a link names and this browser has no record of: shown from its server's history, and not kept.

The server's answer decides who may see it: where users log in, the gateway passes on the history of their own prompts
only. Nothing of it is stored, and no window is held.
"""

from __future__ import annotations

import json
from dataclasses import replace

from app.core import comfy
from app.core.errors import ConnectError
from app.core.evidence import Finished
from app.core.model import (
    ClientId,
    Delivery,
    PromptId,
    Server,
    ServerId,
    Task,
    TaskDelivery,
    TaskEnd,
    TaskProgress,
    TaskState,
    WindowId,
)
from app.session.state import State
from wire.history import read_entry

NOT_YOURS = "not-yours"  # what a gateway with users says of the history of another's prompt
_STATES = {"success": TaskState.SUCCEEDED, "interrupted": TaskState.CANCELLED}


async def visit(state: State, server_id: ServerId, prompt_id: PromptId) -> Task | None:
    """Return a run from its server's history; None if it is not there, or another user's.

    Raises ConnectError for a server that the fleet does not have, and the error that kept it from answering.
    """
    owner = state.records.get_window("visit").window_id
    server = state.servers.fleet.get(server_id)
    if server is None:
        raise ConnectError(server_id, "not_in_fleet")
    response = await state.servers.ask(server_id, comfy.history_request(server.base, prompt_id))
    if comfy.gateway_cause(response) == NOT_YOURS:
        return None
    end = comfy.read_history(response, server_id, prompt_id, state.ports.clock.now())
    if end is None:
        return None
    prompt = read_entry(comfy.read_object(response, server_id)[prompt_id]).prompt
    task = _task(owner, server, prompt_id, end, json.dumps(prompt, ensure_ascii=False) if prompt else "")
    state.live.visit(task)
    return task


def _task(owner: WindowId, server: Server, prompt_id: PromptId, end: Finished, workflow: str) -> Task:
    began = end.at if end.started_ms is None else end.started_ms / 1000
    return Task(
        prompt_id=prompt_id,
        server_id=server.server_id,
        address=server.address,
        client_id=ClientId(""),
        owner=owner,
        epoch=0,
        created_at=began,
        workflow=workflow,
        state=_STATES.get(end.end, TaskState.FAILED),
        progress=TaskProgress(started_at=began),
        end=TaskEnd(
            ended_at=end.at if end.ended_ms is None else end.ended_ms / 1000,
            server_started_ms=end.started_ms,
            server_ended_ms=end.ended_ms,
            cached=end.cached,
            is_proven=True,
            failure=end.failure,
        ),
        delivery=TaskDelivery(outputs=tuple(replace(item, delivery=Delivery.NOT_KEPT) for item in end.outputs)),
    )
