"""Fetching one output's bytes from its task's own server, and checking that they are this task's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime

from app.core import comfy
from app.core.errors import ProtocolError
from app.core.model import Delivery, Output, Task
from app.core.origin import is_of, needs_confirmation
from app.core.ports.blobs import Blob, TextBlob
from app.core.ports.http import Response
from app.core.window import get_api_base_url
from app.session.state import State

# Where users log in, the gateway itself judges a file by the seal that the output carries.
_WITHHELD = {"picture-changed": Delivery.OVERWRITTEN, "not-yours": Delivery.GONE, "link-expired": Delivery.GONE}
_NEEDS_SEAL = frozenset({"not-yours", "link-expired"})
_NEVER_GIVEN = frozenset({400, 403, 404, 410})  # the real server has no such file, or will not serve it


async def fetch_output(state: State, task: Task, output: Output) -> tuple[Output, Blob | None]:
    """Fetch one output's bytes from its task's own server; return the updated output with them.

    Without bytes, the output says why: gone, or overwritten (the file is not of this task's time or, if it was fetched
    before, not the file of then). Such bytes are never returned. Raises the error that kept the server from answering.
    """
    if output.is_text:
        blob = TextBlob(output.text)
        return replace(output, size=blob.size, media_type="text/plain"), blob
    response = await _view(state, task, output)
    if comfy.gateway_cause(response) in _NEEDS_SEAL:
        sealed = await _sealed_again(state, task, output)
        if sealed is None and not output.seal:
            return replace(output, delivery=Delivery.UNPROVEN), None
        if sealed is not None:
            output = sealed
            response = await _view(state, task, output)
    if (ended := _WITHHELD.get(comfy.gateway_cause(response))) is not None:
        return replace(output, delivery=ended), None
    comfy.check_arrived(response, task.server_id)
    if response.status in _NEVER_GIVEN:
        return replace(output, delivery=Delivery.GONE), None
    comfy.check_done(response, task.server_id)
    if response.blob is None:
        raise ProtocolError(task.server_id, "an answer without a body")
    seen = replace(output, size=response.blob.size, media_type=response.blob.media_type, etag=_etag(response))
    modified = _modified(response)
    if not is_of(task, output, modified) or _is_another(output, seen):
        return replace(output, delivery=Delivery.OVERWRITTEN), None
    is_same_file = bool(output.etag) and output.etag == seen.etag
    if not is_same_file and needs_confirmation(task, output, modified) and not await _has_in_history(state, task):
        return replace(output, delivery=Delivery.OVERWRITTEN), None
    return seen, response.blob


async def _view(state: State, task: Task, output: Output) -> Response:
    request = comfy.view_request(get_api_base_url("deliver", task, state.servers.fleet), task, output)
    async with state.servers.bulk(task.server_id, request):
        return state.servers.noticed_busy(task.server_id, await state.ports.http.fetch(request))


async def _sealed_again(state: State, task: Task, output: Output) -> Output | None:
    """Return the output with another seal from the server's history; None if that has none for it.

    A seal is valid for some months, and not beyond a release that changes what proves a file.
    """
    response = await _ask_history(state, task)
    if comfy.gateway_cause(response) == "not-yours":
        return None
    found = comfy.read_history(response, task.server_id, task.prompt_id, state.ports.clock.now())
    listed = () if found is None else found.outputs
    seal = next((one.seal for one in listed if one.file == output.file and one.seal), output.seal)
    return None if seal == output.seal else replace(output, seal=seal)


async def _has_in_history(state: State, task: Task) -> bool:
    """Whether the server has the task in its history: then it is the one that ran it, and not another at its address.

    Asked after the bytes: it must be the same server that sent them.
    """
    response = await _ask_history(state, task)
    return comfy.read_history(response, task.server_id, task.prompt_id, state.ports.clock.now()) is not None


async def _ask_history(state: State, task: Task) -> Response:
    base = get_api_base_url("deliver", task, state.servers.fleet)
    return await state.servers.ask(task.server_id, comfy.history_request(base, task.prompt_id))


def _etag(response: Response) -> str:
    """The server's ETag of the bytes; a proxy that compresses them marks it as weak."""
    return response.headers.get("etag", "").removeprefix("W/")


def _is_another(known: Output, seen: Output) -> bool:
    """Whether this is another file than the one fetched before: by its size, and by its ETag if the server sent one."""
    was_fetched = known.delivery is not Delivery.PENDING
    has_new_etag = bool(known.etag and seen.etag) and known.etag != seen.etag
    return was_fetched and (known.size != seen.size or has_new_etag)


def _modified(response: Response) -> float | None:
    """When the file was written, by the server's clock; seconds since the epoch."""
    dated = response.headers.get("last-modified")
    if dated is None:
        return None
    try:
        modified = parsedate_to_datetime(dated)
    except ValueError:
        return None
    return (modified if modified.tzinfo else modified.replace(tzinfo=UTC)).timestamp()
