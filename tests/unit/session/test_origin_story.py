"""Promises 8 and 11: another file under the same name is never kept as a result."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.core.events import Message, StartMessage, evidence_of
from app.core.model import Delivery, TaskState
from app.core.ports.http import Http, Request, Response
from app.core.workflow import parse_workflow
from app.session.delivery.fetch import fetch_output
from app.session.memory.sandbox import Sandbox
from app.session.state import State
from tests.kit.stage import A, Stage, bytes_of, scene, task_of
from tests.unit.session.test_files import Answering


@scene
async def test_older_file_of_same_name_is_not_the_result(stage: Stage) -> None:
    """Another machine was at the address, made the picture, reported its end, and has left."""
    page = await stage.window()
    await stage.ended(page, await stage.run(page, steps=1, server_id=A))
    await stage.sleep(60.0)
    home = stage.world.sims[A]
    older = next(file for key, file in home.files.items() if key[0] == "output")
    prompt_id = await stage.run(page, steps=50, server_id=A)

    def turn_back() -> None:
        task = stage.world.database.task(prompt_id)
        for made in task.delivery.outputs:
            home.files[made.folder, made.subfolder, made.filename] = older

    stage.once_stored(lambda: stage.world.database.task(prompt_id).state is TaskState.SUCCEEDED, turn_back)
    ended = await stage.ended(page, prompt_id)
    assert [item.delivery for item in ended.delivery.outputs] == [Delivery.OVERWRITTEN]
    assert await bytes_of(page, prompt_id) is None


@scene
async def test_clock_set_forward_lets_no_older_file_be_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket alone reported the end, and not the start; then another server is at the address."""
    page = await stage.window()
    await stage.ended(page, await stage.run(page, steps=1, server_id=A))
    await stage.sleep(60.0)
    home = stage.world.sims[A]
    older = next(file for key, file in home.files.items() if key[0] == "output")

    def unstarted(message: Message, at: float, age: float | None) -> Any:
        return None if isinstance(message, StartMessage) else evidence_of(message, at, age)

    monkeypatch.setattr("app.core.events.evidence_of", unstarted)
    prompt_id = await stage.run(page, steps=50, server_id=A)
    stage.world.browser.clock_shift = 3600.0

    def turn_back() -> None:
        home.history.clear()
        for made in stage.world.database.task(prompt_id).delivery.outputs:
            home.files[made.folder, made.subfolder, made.filename] = older

    stage.once_stored(lambda: bool(stage.world.database.task(prompt_id).end.told_end), turn_back)
    ended = await stage.ended(page, prompt_id)
    assert ended.end.told_end == "success" and not ended.end.is_proven
    assert [item.delivery for item in ended.delivery.outputs] == [Delivery.OVERWRITTEN]
    assert await bytes_of(page, prompt_id) is None


@scene
async def test_cached_result_may_be_older_than_task(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=1, server_id=A)
    await stage.ended(page, first)
    await stage.sleep(3600.0)
    repeated = await page.session.run(parse_workflow(json.loads(task_of(page, first).workflow)), server_id=A)
    ended = await stage.ended(page, repeated)
    assert ended.end.cached
    assert [item.delivery for item in ended.delivery.outputs] == [Delivery.KEPT]
    assert await bytes_of(page, repeated) == await bytes_of(page, first)
    looks = len(stage.requests("GET", f"/history/{repeated}"))
    fetched, _blob = await fetch_output(page.session._state, ended, ended.delivery.outputs[0])
    assert fetched.delivery is Delivery.KEPT
    assert len(stage.requests("GET", f"/history/{repeated}")) == looks, "the very same file needs no word"


@pytest.mark.parametrize("is_marked", [True, False])
@scene
async def test_older_file_on_another_server_is_not_a_cached_result(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, is_marked: bool
) -> None:
    """It is as old as the cached one may be: another server was at the address, and the first one is back.

    This is so whether or not a server sends ETags.
    """
    if not is_marked:
        monkeypatch.setattr("app.session.delivery.fetch._etag", lambda _: "")
    page = await stage.window()
    first = await stage.run(page, steps=1, server_id=A)
    await stage.ended(page, first)
    await stage.sleep(3600.0)
    repeated = await page.session.run(parse_workflow(json.loads(task_of(page, first).workflow)), server_id=A)
    home = stage.world.sims[A]

    def turn_back() -> None:
        home.history.clear()
        for key, (data, written) in tuple(home.files.items()):
            home.files[key] = (data + b"of another", written - 60.0)

    stage.once_stored(lambda: stage.world.database.task(repeated).state is TaskState.SUCCEEDED, turn_back)
    ended = await stage.ended(page, repeated)
    assert ended.end.cached
    assert [item.delivery for item in ended.delivery.outputs] == [Delivery.OVERWRITTEN]
    assert await bytes_of(page, repeated) is None


@pytest.mark.parametrize(
    ("cause", "delivery"),
    [
        ("picture-changed", Delivery.OVERWRITTEN),
        ("not-yours", Delivery.UNPROVEN),
    ],
)
@scene
async def test_withheld_output_gets_matching_delivery(stage: Stage, *, cause: str, delivery: Delivery) -> None:
    """The gateway knows the owner of a picture and whether it is unchanged; a second request would change nothing."""
    page = await stage.window()
    task = await stage.ended(page, await stage.run(page, steps=1, server_id=A))
    withheld = Response(410, {"x-mooring-gateway": f"{cause}; sent=no"})
    state = State(replace(Sandbox().ports, http=Answering(response=withheld)))
    state.servers.reported(page.session.fleet, ())
    fetched, blob = await fetch_output(state, task, task.delivery.outputs[0])
    assert (fetched, blob) == (replace(task.delivery.outputs[0], delivery=delivery), None)


@dataclass
class Sealing:
    """A gateway with users, in front of the world: it opens a file with one seal, which the history gives."""

    inner: Http
    seal: str
    cause: str = "link-expired"
    asked: list[str] = field(default_factory=list)

    async def fetch(self, request: Request) -> Response:
        self.asked.append(request.path)
        if not self.seal or f"seal={self.seal}&" not in request.path:
            return Response(410, {"x-mooring-gateway": f"{self.cause}; sent=no"})
        return await self.inner.fetch(request)

    async def send(self, request: Request) -> Response:
        self.asked.append(request.path)
        response = await self.inner.send(request)
        return replace(response, text=response.text.replace('"filename"', f'"seal": "{self.seal}", "filename"'))


@pytest.mark.parametrize("seal", ["former", ""])
@scene
async def test_output_with_a_former_seal_gets_another_one(stage: Stage, *, seal: str) -> None:
    """What a browser has stored survives a release that ends all seals."""
    page = await stage.window()
    task = await stage.ended(page, await stage.run(page, steps=1, server_id=A))
    stored = replace(task.delivery.outputs[0], seal=seal)
    state = page.session._state
    gateway = Sealing(state.ports.http, "new")
    state.ports = replace(state.ports, http=gateway)
    fetched, blob = await fetch_output(state, task, stored)
    assert blob is not None
    assert (fetched.seal, fetched.delivery) == ("new", task.delivery.outputs[0].delivery)
    again, _ = await fetch_output(state, task, fetched)
    assert again.seal == "new"
    assert sum("/history/" in path for path in gateway.asked) == 1


@pytest.mark.parametrize(("seal", "delivery"), [("former", Delivery.GONE), ("", Delivery.UNPROVEN)])
@scene
async def test_output_that_history_does_not_prove_is_not_fetched(
    stage: Stage, *, seal: str, delivery: Delivery
) -> None:
    page = await stage.window()
    task = await stage.ended(page, await stage.run(page, steps=1, server_id=A))
    state = page.session._state
    gateway = Sealing(state.ports.http, "", cause="link-expired" if seal else "not-yours")
    state.ports = replace(state.ports, http=gateway)
    fetched, blob = await fetch_output(state, task, replace(task.delivery.outputs[0], seal=seal))
    assert (fetched.delivery, blob) == (delivery, None)
