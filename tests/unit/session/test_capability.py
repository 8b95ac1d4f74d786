"""A workflow goes only to a server that has its nodes and models, according to the catalogues."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.core.errors import NoServerAvailable, RequestTimeout, ServerUnable
from app.core.model import Fleet, ServerId, Task, TaskState
from app.core.workflow import parse_workflow
from app.session import Picked
from app.session.submitting.capability import KEPT
from app.ui.kit.messages import word_error
from app.workflows.plans.runs import Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.kit.page.stills import ENGLISH
from tests.kit.stage import PHOTO, A, B, Stage, line_of, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow
from wire.health import Health

C = ServerId("gpu-3")
NODES: dict[str, Any] = {
    "EmptyImage": {"input": {"required": {"width": ["INT", {}]}}, "output": ["IMAGE"]},
    "SlowSteps": {"input": {"required": {"preview_format": [["JPEG", "PNG"]]}}, "output": ["IMAGE"]},
    "SaveImage": {"input": {"required": {"filename_prefix": ["STRING", {}]}}, "output_node": True},
}
WITHOUT_NODE = {name: NODES[name] for name in ("EmptyImage", "SaveImage")}
NEWER_CHOICE = ["COMBO", {"options": ["WEBP"]}]
WITHOUT_CHOICE = {**NODES, "SlowSteps": {"input": {"required": {"preview_format": [["WEBP"]]}}, "output": ["IMAGE"]}}


@dataclass
class MemoryCatalogues:
    """The catalogues by server; requests are recorded."""

    nodes: dict[str, dict[str, Any]]
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    refreshed: list[ServerId] = field(default_factory=list)
    is_broken: bool = False
    is_garbled: bool = False
    without: ServerId | None = None  # its catalogue cannot be reread

    async def classes(self, content: str, names: Collection[str]) -> str:
        self.asked.append((content, tuple(names)))
        if self.is_broken:
            raise RequestTimeout(None, "lost")
        if self.is_garbled:
            return "<html>"
        return json.dumps({name: self.nodes[content][name] for name in names if name in self.nodes[content]})

    async def names(self, content: str) -> tuple[str, ...]:
        return tuple(self.nodes[content])

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        if server_id == self.without:
            raise RequestTimeout(server_id, "lost")
        await asyncio.sleep(1.0)
        self.refreshed.append(server_id)
        return server_id, ""


async def open_window(
    stage: Stage, nodes: Mapping[ServerId, dict[str, Any]], version: str = "", keys: Collection[ServerId] = (A, B, C)
) -> tuple[Page, MemoryCatalogues]:
    """A window that knows these servers' catalogues; those of other servers are unknown."""
    catalogues = MemoryCatalogues({str(server_id): items for server_id, items in nodes.items()})
    known_fleet = stage.world.network.fleet()
    servers = tuple(
        replace(
            item,
            version=version,
            catalogue=item.server_id if item.server_id in nodes else "",
            gets_keys=item.server_id in keys,
        )
        for item in known_fleet.servers
    )
    listed = replace(known_fleet, servers=servers)
    stage.world.network.fleet = lambda: listed  # type: ignore[method-assign]
    page = await stage.window()
    state = page.session._state
    state.ports = replace(state.ports, catalogues=catalogues)
    await stage.until(lambda: state.servers.fleet.servers == servers)
    return page, catalogues


@pytest.mark.parametrize("lacking", [WITHOUT_NODE, WITHOUT_CHOICE], ids=["node", "choice"])
@scene
async def test_a_free_window_chooses_among_those_that_can(stage: Stage, lacking: dict[str, Any]) -> None:
    page, _ = await open_window(stage, {A: lacking, B: NODES, C: lacking})
    for _unused in range(3):
        prompt_id = await stage.run(page)
        task = await stage.ended(page, prompt_id)
        assert (task.server_id, task.state) == (B, TaskState.SUCCEEDED)
        assert task.choice is not None and task.choice.refused == {A: "lacks", C: "lacks"}


@pytest.mark.parametrize(("version", "is_refused"), [("0.3.64", False), ("0.30.0", True)])
@scene
async def test_older_server_takes_any_choice_in_the_newer_form(stage: Stage, version: str, is_refused: bool) -> None:
    newer = {**NODES, "SlowSteps": {**NODES["SlowSteps"], "input": {"required": {"preview_format": NEWER_CHOICE}}}}
    page, _ = await open_window(stage, {A: newer, B: newer, C: newer}, version)
    if is_refused:
        with pytest.raises(NoServerAvailable):
            await stage.run(page)
    else:
        await stage.run(page)


@scene
async def test_a_server_whose_catalogue_is_not_known_may_be_asked(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: WITHOUT_NODE, B: WITHOUT_NODE})
    assert task_of(page, await stage.run(page)).server_id == C


@scene
async def test_elsewhere_beside_other_work_needs_a_capable_server(stage: Stage) -> None:
    """B would be the first choice, since C is busy."""
    page, _ = await open_window(stage, {A: NODES, B: WITHOUT_NODE, C: NODES})
    await stage.run(await stage.window(), steps=900, server_id=C)
    first, _second = [await stage.run(page, steps=900, server_id=A) for _ in range(2)]
    again = await page.session.run_again(first, elsewhere=True)
    await stage.until(lambda: page.worker_of(again) is not None)
    other = page.worker_of(again)
    assert other is not None and other.locked == C


@scene
async def test_without_capable_server_nothing_is_sent_and_causes_are_named(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: WITHOUT_NODE, B: WITHOUT_CHOICE, C: WITHOUT_NODE})
    with pytest.raises(NoServerAvailable) as caught:
        await stage.run(page)
    assert set(caught.value.causes.values()) == {"lacks"}
    assert caught.value.lacking[A] == caught.value.lacking[C] == ("SlowSteps",)
    assert caught.value.lacking[B] != ("SlowSteps",) and all(caught.value.lacking.values())
    assert f"{A}, {C}: it lacks what the workflow needs (SlowSteps)" in word_error(caught.value, ENGLISH).quote
    assert stage.requests("POST", "/prompt") == [] == stage.requests("POST", "/upload/image")
    assert window_of(page).reservations == {}


@scene
async def test_incapable_moored_server_is_reported_before_sending(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: NODES, C: NODES})
    held = await stage.run(page, steps=600, server_id=A)
    await stage.until_running(page, held)
    sent = len(stage.requests("POST", "/"))
    catalogues.nodes[str(A)] = WITHOUT_NODE
    page.session._capable._kept.clear()  # as when the gateway publishes another hash
    with pytest.raises(ServerUnable) as caught:
        await stage.run(page)
    assert (caught.value.server_id, caught.value.cause, caught.value.lacking) == (A, "lacks", ("SlowSteps",))
    assert len(stage.requests("POST", "/")) == sent
    assert window_of(page).window_locked_server == A


@scene
async def test_unreadable_catalogue_does_not_prevent_runs(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: WITHOUT_NODE, B: NODES, C: NODES})
    catalogues.is_broken = True
    assert task_of(page, await stage.run(page, server_id=A)).server_id == A


@scene
async def test_failed_read_of_catalogue_asks_no_server_for_replacements(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: NODES})
    catalogues.is_broken = True
    assert (await page.session.standing(a_workflow(2, 1, None))).unknown == (A, B, C)
    assert stage.requests("GET", "/features") == []


@scene
async def test_catalogue_that_is_not_json_does_not_prevent_runs(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: WITHOUT_NODE, B: NODES, C: NODES})
    catalogues.is_garbled = True
    assert task_of(page, await stage.run(page, server_id=A)).server_id == A


@scene
async def test_only_the_nodes_of_the_workflow_are_read_and_once(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: {**NODES, "Other": {}}, B: NODES})
    for _ in range(2):
        await stage.ended(page, await stage.run(page, server_id=A))
    assert catalogues.asked == [(A, ("EmptyImage", "SaveImage", "SlowSteps"))]


@scene
async def test_every_differing_catalogue_of_a_large_fleet_is_kept(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES})
    first = page.session.fleet.servers[0]
    names = [ServerId(f"many-{number}") for number in range(3 * KEPT)]
    catalogues.nodes |= {name: NODES if name == names[0] else WITHOUT_NODE for name in names}
    servers = tuple(replace(first, server_id=name, catalogue=name) for name in names)
    page.session._state.servers.reported(replace(page.session.fleet, servers=servers), ())
    workflow = parse_workflow(json.dumps({"1": {"class_type": "SlowSteps", "inputs": {"preview_format": "PNG"}}}))
    for _ in range(3):
        found = await page.session.standing(workflow)
        assert (found.runs_on, set(found.lacks), found.unknown) == ((names[0],), set(names[1:]), ())
    assert len(catalogues.asked) == len(names)


@scene
async def test_refresh_all_rereads_every_reachable_server(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: NODES, C: NODES})
    servers = page.session.fleet.servers
    page.session._state.servers.reported(
        replace(page.session.fleet, servers=(servers[0], replace(servers[1], health=Health.DOWN), servers[2])), ()
    )
    await page.session.refresh_catalogues()
    assert sorted(catalogues.refreshed) == [A, C]


@scene
async def test_refused_value_causes_reread_of_catalogue(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: NODES, C: NODES})
    workflow = json.dumps({"1": {"class_type": "EmptyImage", "inputs": {}}})
    prompt_id = await page.session.run(parse_workflow(workflow), server_id=A)
    assert task_of(page, prompt_id).state is TaskState.FAILED
    await stage.until(lambda: catalogues.refreshed == [A])


@scene
async def test_recently_used_old_catalogues_are_kept(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: {}})
    capable, server = page.session._capable, page.session.fleet.servers[0]
    catalogues.nodes |= {f"gone-{number}": {} for number in range(KEPT + 1)}

    async def read_of(*numbers: int) -> list[str]:
        """The servers whose catalogues are requested while these are polled."""
        catalogues.asked.clear()
        for number in numbers:
            await capable.catalogue(replace(server, catalogue=f"gone-{number}"), frozenset({"SlowSteps"}))
        return [content for content, _ in catalogues.asked]

    assert len(await read_of(*range(KEPT))) == KEPT
    assert await read_of(0) == []
    assert await read_of(KEPT) == [f"gone-{KEPT}"], "one too many"
    assert await read_of(0, 2, KEPT) == []
    assert await read_of(1) == ["gone-1"], "it was not used for the longest time"


@scene
async def test_failed_refresh_is_raised_after_all_others(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: NODES, C: NODES})
    catalogues.without = A
    with pytest.raises(RequestTimeout):
        await page.session.refresh_catalogues()
    assert sorted(catalogues.refreshed) == [B, C]


@scene
async def test_script_uploads_are_not_sent_to_incapable_server(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: WITHOUT_NODE, B: WITHOUT_NODE, C: WITHOUT_NODE})
    uploaded = await page.session.upload_image(Bytes(PHOTO, "image/png"), "photo.png")
    with pytest.raises(ServerUnable) as caught:
        await page.session.submit_workflow(a_workflow(2, 1, None), title="story", inputs={})
    assert (caught.value.server_id, caught.value.cause) == (uploaded.server_id, "lacks")
    assert stage.requests("POST", "/prompt") == []
    assert window_of(page).reservations == {}


@scene
async def test_click_before_fleet_is_known_waits_for_it(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: WITHOUT_NODE, B: WITHOUT_NODE, C: NODES})
    state = page.session._state
    known = state.servers.fleet
    state.servers.reported(Fleet(), ())
    state.servers.has_fleet.clear()
    clicking = stage.begin(page)
    await stage.sleep(1.0)
    state.servers.reported(known, ())
    task = task_of(page, await clicking)
    assert task.server_id == C
    assert task.choice is not None and task.choice.refused == {A: "lacks", B: "lacks"}, "not by luck"


@scene
async def test_node_facts_come_from_the_servers_own_catalogue(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: WITHOUT_NODE, B: NODES})
    names = frozenset({"SlowSteps", "SaveImage"})
    there = [await page.session.catalogue(server_id, names) for server_id in (A, B, C)]
    assert [known and "SlowSteps" in known.entries for known in there] == [False, True, None]


def with_models(*names: str) -> dict[str, Any]:
    """The nodes of a server that lists these models."""
    steps = {"preview_format": [["JPEG", "PNG"]], "model": [list(names)]}
    picture = {"input": {"required": {"image": [[], {"image_upload": True}]}}, "output": ["IMAGE", "MASK"]}
    return {**NODES, "LoadImage": picture, "SlowSteps": {"input": {"required": steps}, "output": ["IMAGE"]}}


LINUX, WINDOWS = with_models("xl/sd.safetensors"), with_models("old.safetensors", "xl\\sd.safetensors")
SPELLINGS = {A: "xl/sd.safetensors", B: "xl\\sd.safetensors"}


def model_of(task: Task) -> object:
    return parse_workflow(task.workflow).value("2", "model")


@pytest.mark.parametrize("name", SPELLINGS.values())
@scene
async def test_each_server_is_sent_models_as_it_spells_them(stage: Stage, name: str) -> None:
    page, _ = await open_window(stage, {A: LINUX, B: WINDOWS, C: with_models("old.safetensors")})
    workflow = a_workflow(2, 1, None).with_value("2", "model", name)
    assert (await page.session.standing(workflow)).runs_on == (A, B)
    for server_id, spelling in SPELLINGS.items():
        task = await stage.ended(page, await page.session.run(workflow, server_id=server_id))
        assert (task.state, model_of(task)) == (TaskState.SUCCEEDED, spelling)
        again = await stage.ended(page, await page.session.run_again(task.prompt_id, elsewhere=True))
        other = B if server_id == A else A
        assert (again.server_id, model_of(again), again.job) == (other, SPELLINGS[other], task.job)


@scene
async def test_moored_window_sends_models_as_its_server_spells_them(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: LINUX, B: WINDOWS})
    held = await stage.run(page, steps=600, server_id=B)
    await stage.until_running(page, held)
    workflow = a_workflow(2, 1, PHOTO).with_value("2", "model", SPELLINGS[A])
    bare = await page.session.run(a_workflow(2, 2, None).with_value("2", "model", SPELLINGS[A]))
    loaded = await page.session.run(workflow, inputs={("1", "image"): Picked(Bytes(PHOTO, "image/png"), "photo.png")})
    await stage.send_all(page)
    assert {model_of(task_of(page, prompt_id)) for prompt_id in (bare, loaded)} == {SPELLINGS[B]}


@scene
async def test_waiting_runs_of_several_servers_are_sent_in_their_spellings(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: LINUX, B: WINDOWS, C: with_models()})
    workflow = a_workflow(8, 1, None).with_value("2", "model", SPELLINGS[B])
    runs = plan_runs(workflow, Seeds(Target("2", "nonce"), tuple(range(8))))
    await page.session.line.add(workflow, runs, title="many", senders=2)
    await stage.until(lambda: not line_of(page).entries)
    tasks = [task for window in page.windows for task in window.tasks.values()]
    assert {(task.server_id, model_of(task)) for task in tasks} == set(SPELLINGS.items())


@scene
async def test_work_that_costs_credits_goes_to_a_server_that_gets_keys(stage: Stage) -> None:
    costly = {**NODES, "SlowSteps": {**NODES["SlowSteps"], "api_node": True}}
    page, _ = await open_window(stage, {A: costly, B: costly, C: costly}, keys={B})
    task = task_of(page, await stage.run(page))
    assert (task.server_id, task.choice and task.choice.refused) == (B, {A: "lacks", C: "lacks"})


@scene
async def test_task_costs_credits_if_any_server_says_so(stage: Stage) -> None:
    costly = {**NODES, "SlowSteps": {**NODES["SlowSteps"], "api_node": True}}
    page, catalogues = await open_window(stage, {A: NODES, B: NODES})
    prompt_id = await stage.run(page)
    assert not await page.session.uses_credits(prompt_id)
    catalogues.nodes[str(B)] = costly
    page.session._capable._kept.clear()
    assert await page.session.uses_credits(prompt_id)


@scene
async def test_costs_of_a_past_task_are_known_too(stage: Stage) -> None:
    costly = {**NODES, "SlowSteps": {**NODES["SlowSteps"], "api_node": True}}
    page, _ = await open_window(stage, {A: costly, B: NODES, C: NODES})
    task = await stage.ended(page, await stage.run(page))
    await stage.store().archive(task)
    page.session._state.records.forget(task.prompt_id)
    assert await page.session.uses_credits(task.prompt_id)
