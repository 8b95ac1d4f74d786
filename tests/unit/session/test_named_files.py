"""Files that a workflow names: each server is asked for them, and gets our copy if it lacks them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import BadInput, NoServerAvailable
from app.core.model import PromptId, ServerId, Task, TaskState
from app.core.ports.http import Http, Request, Response
from app.core.server_file import ServerFile
from app.core.workflow import ApiWorkflow, parse_workflow
from app.session.submitting import named_files
from app.session.submitting.named_files import Copy, Origin, _is_of, _places
from tests.kit.stage import PHOTO, A, B, Stage, scene, task_of
from tests.ports.tasks import changed
from tests.simulation.network import Mishap
from tests.simulation.world import Page
from tests.unit.session.test_capability import NODES, C, MemoryCatalogues, open_window
from wire.health import Health

LOAD: dict[str, Any] = {"input": {"required": {"image": [[], {"image_upload": True}]}}, "output": ["IMAGE", "MASK"]}
WITH_FILES = {**NODES, "LoadImage": LOAD}
EVERYWHERE = {A: WITH_FILES, B: WITH_FILES, C: WITH_FILES}


def naming(image: str, prefix: str = "named") -> ApiWorkflow:
    """Return a workflow that saves the picture with this name."""
    return parse_workflow(
        {
            "1": {"class_type": "LoadImage", "inputs": {"image": image}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
        }
    )


def naming_two(first: str, second: str) -> ApiWorkflow:
    """Return a workflow that names two pictures."""
    other = {
        "3": {"class_type": "LoadImage", "inputs": {"image": second}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "other"}},
    }
    return parse_workflow({**json.loads(naming(first).text), **other})


async def opened(stage: Stage) -> tuple[Page, MemoryCatalogues]:
    return await open_window(stage, EVERYWHERE)


async def uploaded(stage: Stage, page: Page) -> str:
    """Return the name of a picture that a run has uploaded to A."""
    task = await stage.ended(page, await stage.run(page, picture=PHOTO, server_id=A))
    (item,) = task.inputs
    return f"{item.subfolder}/{item.name}"


async def made(stage: Stage, page: Page, workflow: ApiWorkflow, server_id: ServerId) -> Task:
    """Run the workflow on this server, and return the task with its results saved."""
    return await stage.ended(page, await page.session.run(workflow, server_id=server_id))


def image_of(task: Task) -> str:
    return str(json.loads(task.workflow)["1"]["inputs"]["image"])


@scene
async def test_missing_upload_is_uploaded_to_that_server(stage: Stage) -> None:
    page, _ = await opened(stage)
    name = await uploaded(stage, page)
    task = await made(stage, page, naming(name), B)
    assert (task.state, image_of(task)) == (TaskState.SUCCEEDED, name)
    assert [item.server_id for item in stage.requests("POST", "/upload/image")] == [A, B]
    assert [(item.input_name, item.original_name) for item in task.inputs] == [("image", "photo.png")]


@scene
async def test_existing_upload_is_not_repeated(stage: Stage) -> None:
    page, _ = await opened(stage)
    name = await uploaded(stage, page)
    task = await made(stage, page, naming(name), A)
    assert (task.state, task.inputs) == (TaskState.SUCCEEDED, ())
    assert len(stage.requests("POST", "/upload/image")) == 1


@scene
async def test_without_a_copy_only_servers_with_the_file_are_chosen(stage: Stage) -> None:
    page, _ = await opened(stage)
    name = await uploaded(stage, page)
    stage.world.database.inputs.clear()
    for _unused in range(3):
        task = await stage.ended(page, await page.session.run(naming(name)))
        assert (task.server_id, task.state) == (A, TaskState.SUCCEEDED)
        assert task.choice is not None and set(task.choice.refused) == {B, C}


@pytest.mark.parametrize("name", ["clipspace/mask.png [input]", "sub/none.png", "nope.png [output]", "plain.png"])
@scene
async def test_missing_file_is_refused_before_sending(stage: Stage, name: str) -> None:
    page, _ = await opened(stage)
    found = await page.session.standing(naming(name))
    assert (found.runs_on, set(found.lacks)) == ((), {A, B, C})
    with pytest.raises(NoServerAvailable) as caught:
        await page.session.run(naming(name))
    assert set(caught.value.causes.values()) == {"lacks"}
    assert stage.requests("POST", "/") == []


@scene
async def test_file_that_came_after_the_list_was_read_is_found(stage: Stage) -> None:
    page, _ = await opened(stage)
    assert (await page.session.standing(naming("late.png"))).runs_on == ()
    stage.world.network.servers[B].files["input", "", "late.png"] = (PHOTO, 0.0)
    await stage.sleep(15)
    assert (await page.session.standing(naming("late.png"))).runs_on == (B,)
    task = await stage.ended(page, await page.session.run(naming("late.png")))
    assert (task.server_id, task.state) == (B, TaskState.SUCCEEDED)


@scene
async def test_answers_are_cached_for_a_while(stage: Stage) -> None:
    page, _ = await opened(stage)
    for _unused in range(5):
        await page.session.standing(naming("none.png"))
    assert len(stage.requests("HEAD", "/view")) == 3


@scene
async def test_kept_answers_do_not_count_for_a_run(stage: Stage) -> None:
    page, _ = await opened(stage)
    capable, workflow = page.session._capable, naming("late.png")
    for pause in (5, 1):
        await page.session.standing(workflow)
        await stage.sleep(pause)
    assert len(stage.requests("HEAD", "/view")) == 3
    stage.world.network.servers[B].files["input", "", "late.png"] = (PHOTO, 0.0)
    task = await stage.ended(page, await page.session.run(workflow))
    assert (task.server_id, task.state) == (B, TaskState.SUCCEEDED)
    await stage.sleep(1)
    asked = len(stage.requests("HEAD", "/view"))
    for _unused in range(2):
        assert (await capable.survey(workflow, is_now=True)).standing.runs_on == (B,)
    assert len(stage.requests("HEAD", "/view")) == asked + 3, "an answer of this second counts"


@scene
async def test_few_answers_are_kept(stage: Stage) -> None:
    page, _ = await opened(stage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(named_files, "MOST_KNOWN", 2)
        await page.session.standing(naming("none.png"))
    assert len(page.session._capable.holdings._known) == 2


@scene
async def test_server_that_does_not_answer_is_asked_for_no_other_file(stage: Stage) -> None:
    page, _ = await opened(stage)
    sent: list[str] = []
    stage.world.network.on_sent.append(lambda exchange: sent.append(exchange.server_id))
    stage.world.weather.armed += [Mishap("request lost", lambda exchange: exchange.server_id == A)] * 2
    servers = page.session.fleet.servers
    page.session._state.servers.reported(
        replace(page.session.fleet, servers=(*servers[:2], replace(servers[2], health=Health.DOWN))), ()
    )
    await page.session.standing(naming_two("one.png", "two.png"))
    assert sorted(item for item in sent if item) == [A, B, B]


@scene
async def test_value_that_names_no_file_is_asked_of_no_server(stage: Stage) -> None:
    page, _ = await opened(stage)
    assert (await page.session.standing(naming("folder/"))).runs_on == (A, B, C)
    assert stage.requests("HEAD", "/view") == []


@scene
async def test_copy_that_is_no_longer_kept_is_refused_by_name(stage: Stage) -> None:
    page, _ = await opened(stage)
    holdings = page.session._capable.holdings
    for copy in (Copy("cat.png", "0" * 64), Copy("cat.png", prompt_id=PromptId("gone"))):
        with pytest.raises(BadInput) as caught:
            await holdings.read(copy)
        assert (caught.value.cause, caught.value.name) == ("input-not-kept", "cat.png")


@scene
async def test_result_on_one_server_is_uploaded_to_another(stage: Stage) -> None:
    page, _ = await opened(stage)
    first = await made(stage, page, parse_workflow(json.loads(naming("x").text) | EMPTY), A)
    name = f"{first.delivery.outputs[0].filename} [output]"
    await stage.run(await stage.window(), steps=900, server_id=A)
    task = await stage.ended(page, await page.session.run(naming(name)))
    assert (task.server_id == A, task.state) == (False, TaskState.SUCCEEDED)
    kept = await page.session.read_result(first.prompt_id)
    stored = stage.world.network.servers[task.server_id].files.content(image_of(task))
    assert kept is not None and stored == await kept.read()
    assert not _is_of(first, Origin(A, first.created_at)), "a run has not read what it made"


@scene
async def test_name_of_results_of_two_servers_is_no_copy(stage: Stage) -> None:
    page, _ = await opened(stage)
    first = await made(stage, page, parse_workflow(json.loads(naming("x").text) | EMPTY), A)
    await made(stage, page, parse_workflow(json.loads(naming("x").text) | OTHER), B)
    found = await page.session.standing(naming(f"{first.delivery.outputs[0].filename} [output]"))
    assert (found.runs_on, set(found.lacks)) == ((A, B), {C})


@scene
async def test_result_is_uploaded_when_its_work_moves(stage: Stage) -> None:
    page, _ = await opened(stage)
    first = await made(stage, page, parse_workflow(json.loads(naming("x").text) | EMPTY), A)
    other = await made(stage, page, parse_workflow(json.loads(naming("x").text) | OTHER), B)
    name = f"{first.delivery.outputs[0].filename} [output]"
    assert name == f"{other.delivery.outputs[0].filename} [output]", "both servers have a file of that name"
    task = await made(stage, page, naming(name), A)
    repeated = await stage.ended(page, await page.session.run_again(task.prompt_id, elsewhere=True))
    assert repeated.server_id != A and repeated.state is TaskState.SUCCEEDED
    stored = stage.world.network.servers[repeated.server_id].files.content(image_of(repeated))
    kept = await page.session.read_result(first.prompt_id)
    assert kept is not None and stored == await kept.read()


@scene
async def test_result_in_a_folder_is_found_as_a_windows_server_spells_it(stage: Stage) -> None:
    page, _ = await opened(stage)
    task = await made(stage, page, parse_workflow(json.loads(naming("x", "a/b/x").text) | EMPTY), A)
    (output,) = task.delivery.outputs
    assert output.subfolder == "a/b"
    file = ServerFile.read(f"a/b/{output.filename} [output]")
    assert file is not None
    for subfolder in ("a/b", "a\\b"):
        assert _places(changed(task, outputs=(replace(output, subfolder=subfolder),)), file) == [0]
    assert _places(changed(task, outputs=(replace(output, subfolder="a"),)), file) == []


@scene
async def test_same_name_on_another_server_is_not_used(stage: Stage) -> None:
    page, _ = await opened(stage)
    first = await made(stage, page, parse_workflow(json.loads(naming("x").text) | EMPTY), A)
    await made(stage, page, parse_workflow(json.loads(naming("x").text) | OTHER), B)
    task = await made(stage, page, naming(f"{first.delivery.outputs[0].filename} [output]"), A)
    stage.world.database.results.clear()
    with pytest.raises(NoServerAvailable) as caught:
        await page.session.run_again(task.prompt_id, elsewhere=True)
    assert {caught.value.causes[B], caught.value.causes[C]} == {"lacks"}


def _empty(color: int) -> dict[str, Any]:
    return {"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": color}}}


EMPTY, OTHER = _empty(1), _empty(200)


class Replacing:
    """The servers' HTTP, with OldLoad replaced by LoadImage on each."""

    def __init__(self, inner: Http, *, has_flag: bool = True) -> None:
        self.inner, self.has_flag, self.asked = inner, has_flag, list[str]()
        self.failing: dict[str, Response] = {}  # the first answer to each

    async def send(self, request: Request) -> Response:
        part = request.path.rpartition("/")[2]
        if part not in {"features", "node_replacements"}:
            return await self.inner.send(request)
        self.asked.append(part)
        if part in self.failing:
            return self.failing.pop(part)
        if part == "features":
            return Response(200, text=json.dumps({"node_replacements": True} if self.has_flag else {}))
        mapping = [{"new_id": "image", "old_id": "picture"}]
        rule = {"new_node_id": "LoadImage", "old_node_id": "OldLoad", "input_mapping": mapping}
        return Response(200, text=json.dumps({"OldLoad": [rule]}))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def old(inputs: dict[str, Any]) -> ApiWorkflow:
    graph = json.loads(naming("x").text)
    return parse_workflow({**graph, "1": {"class_type": "OldLoad", "inputs": inputs}})


@scene
async def test_replaced_class_counts_as_its_replacement(stage: Stage) -> None:
    page, _ = await opened(stage)
    state = page.session._state
    http = Replacing(state.ports.http)
    state.ports = replace(state.ports, http=http)
    stage.world.network.servers[B].files["input", "", "sea.png"] = (PHOTO, 0.0)
    unknown = {"1": {"class_type": "Nowhere", "inputs": {}}}
    assert (await page.session.standing(parse_workflow(unknown))).runs_on == ()  # this asks for the replacements
    for _unused in range(2):
        found = await page.session.standing(old({"picture": "sea.png"}))
        assert (found.runs_on, [item.value for item in found.lacks[A].values]) == ((B,), ["sea.png"])
    assert len(http.asked) == 6, "features and replacements, once of each server"
    survey = await page.session._capable.survey(old({"picture": "sea.png"}))
    assert survey.has_replaced
    task = task_of(page, await page.session.run(old({"picture": "sea.png"})))
    assert {"_meta" in node for node in json.loads(task.workflow).values()} == {True}, "the server needs it"
    plain = task_of(page, await page.session.run(naming("sea.png")))
    assert {"_meta" in node for node in json.loads(plain.workflow).values()} == {False}
    refused = await page.session.standing(old({"other": "sea.png"}))
    assert [item.class_type for item in refused.lacks[A].classes] == ["OldLoad"]


@scene
async def test_replacement_that_costs_credits_is_noticed(stage: Stage) -> None:
    costly = {**WITH_FILES, "LoadImage": {**LOAD, "api_node": True}}
    page, _ = await open_window(stage, {B: costly})
    state, capable = page.session._state, page.session._capable
    http = Replacing(state.ports.http)
    state.ports = replace(state.ports, http=http)
    plain = parse_workflow({"1": EMPTY["1"]})
    assert not await capable.uses_credits(plain)
    assert http.asked == [], "its classes are there"
    assert await capable.uses_credits(old({"picture": "sea.png"}))


@scene
async def test_catalogue_of_a_form_has_replacements(stage: Stage) -> None:
    page, _ = await opened(stage)
    state = page.session._state
    state.ports = replace(state.ports, http=Replacing(state.ports.http))
    found = await page.session.catalogue(A, frozenset({"OldLoad", "SaveImage"}))
    assert found is not None and (rule := found.replacement("OldLoad")) is not None
    assert (rule.new_class, found.get("LoadImage") is not None) == ("LoadImage", True)


@pytest.mark.parametrize("part", ["features", "node_replacements"])
@pytest.mark.parametrize(
    "answer",
    [Response(504, {"x-mooring-gateway": "timeout; sent=unknown"}), Response(503, text="busy")],
    ids=["gateway", "proxy"],
)
@scene
async def test_replacements_that_cannot_be_read_are_asked_for_again(stage: Stage, part: str, answer: Response) -> None:
    page, _ = await opened(stage)
    state, names = page.session._state, frozenset({"OldLoad", "SaveImage"})
    http = Replacing(state.ports.http)
    http.failing[part] = answer
    state.ports = replace(state.ports, http=http)
    first = await page.session.catalogue(A, names)
    assert first is not None and first.replacement("OldLoad") is None
    second = await page.session.catalogue(A, names)
    assert second is not None and second.replacement("OldLoad") is not None


@scene
async def test_server_without_the_flag_is_not_asked_what_it_replaces(stage: Stage) -> None:
    page, _ = await opened(stage)
    state = page.session._state
    http = Replacing(state.ports.http, has_flag=False)
    state.ports = replace(state.ports, http=http)
    found = await page.session.standing(old({"picture": "sea.png"}))
    assert found.runs_on == () and set(http.asked) == {"features"}
