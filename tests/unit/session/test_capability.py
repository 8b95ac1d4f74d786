"""A workflow goes only to a server that has its nodes and models, as far as the catalogues tell."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.core.errors import NoServerAvailable, RequestTimeout, ServerUnable
from app.core.model import ServerId, TaskState
from app.core.workflow import parse_workflow
from tests.simulation.world import Page
from tests.unit.session.stage import A, B, Stage, scene, task_of, window_of

C = ServerId("gpu-3")
NODES: dict[str, Any] = {
    "EmptyImage": {"input": {"required": {"width": ["INT", {}]}}},
    "SlowSteps": {"input": {"required": {"preview_format": [["JPEG", "PNG"]]}}},
    "SaveImage": {"input": {"required": {"filename_prefix": ["STRING", {}]}}, "output_node": True},
}
WITHOUT_NODE = {name: NODES[name] for name in ("EmptyImage", "SaveImage")}
WITHOUT_CHOICE = {**NODES, "SlowSteps": {"input": {"required": {"preview_format": [["WEBP"]]}}}}


@dataclass
class MemoryCatalogues:
    """The catalogues by server; what is asked is noted."""

    nodes: dict[str, dict[str, Any]]
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    refreshed: list[ServerId] = field(default_factory=list)
    is_broken: bool = False

    async def classes(self, content: str, names: Collection[str]) -> str:
        self.asked.append((content, tuple(names)))
        if self.is_broken:
            raise RequestTimeout(None, "lost")
        return json.dumps({name: self.nodes[content][name] for name in names if name in self.nodes[content]})

    async def names(self, content: str) -> tuple[str, ...]:
        return tuple(self.nodes[content])

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        self.refreshed.append(server_id)
        return server_id, ""


async def open_window(stage: Stage, nodes: Mapping[ServerId, dict[str, Any]]) -> tuple[Page, MemoryCatalogues]:
    """A window that knows these servers' catalogues; those that are not named have none that is known."""
    catalogues = MemoryCatalogues({str(server_id): items for server_id, items in nodes.items()})
    told = stage.world.network.fleet()
    servers = tuple(replace(item, catalogue=item.server_id if item.server_id in nodes else "") for item in told.servers)
    listed = replace(told, servers=servers)
    stage.world.network.fleet = lambda: listed  # type: ignore[method-assign]
    page = await stage.window()
    state = page.session._state
    state.ports = replace(state.ports, catalogues=catalogues)
    await stage.until(lambda: state.fleet.servers == servers)
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


@scene
async def test_a_server_whose_catalogue_is_not_known_may_be_asked(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: WITHOUT_NODE, B: WITHOUT_NODE})
    assert task_of(page, await stage.run(page)).server_id == C


@scene
async def test_with_no_server_that_can_nothing_is_sent_and_each_cause_is_told(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: WITHOUT_NODE, B: WITHOUT_CHOICE, C: WITHOUT_NODE})
    with pytest.raises(NoServerAvailable) as caught:
        await stage.run(page)
    assert set(caught.value.causes.values()) == {"lacks"}
    assert stage.requests("POST", "/prompt") == [] == stage.requests("POST", "/upload/image")
    assert window_of(page).reservations == {}


@scene
async def test_a_moored_window_whose_server_cannot_is_told_before_anything_is_sent(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: NODES, C: NODES})
    held = await stage.run(page, steps=600, server_id=A)
    await stage.until_running(page, held)
    sent = len(stage.requests("POST", "/"))
    catalogues.nodes[str(A)] = WITHOUT_NODE
    page.session._submitter.capable._kept.clear()  # as when the gateway tells another hash
    with pytest.raises(ServerUnable) as caught:
        await stage.run(page)
    assert (caught.value.server_id, caught.value.cause) == (A, "lacks")
    assert len(stage.requests("POST", "/")) == sent
    assert window_of(page).window_locked_server == A


@scene
async def test_a_catalogue_that_cannot_be_read_keeps_nobody_from_running(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: WITHOUT_NODE, B: NODES, C: NODES})
    catalogues.is_broken = True
    assert task_of(page, await stage.run(page, server_id=A)).server_id == A


@scene
async def test_only_the_nodes_of_the_workflow_are_read_and_once(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: {**NODES, "Other": {}}, B: NODES})
    for _ in range(2):
        await stage.ended(page, await stage.run(page, server_id=A))
    assert catalogues.asked == [(A, ("EmptyImage", "SaveImage", "SlowSteps"))]


@scene
async def test_what_a_server_refuses_makes_its_catalogue_be_read_again(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: NODES, C: NODES})
    workflow = json.dumps({"1": {"class_type": "EmptyImage", "inputs": {}}})
    prompt_id = await page.session.run(parse_workflow(workflow), server_id=A)
    assert task_of(page, prompt_id).state is TaskState.FAILED
    await stage.until(lambda: catalogues.refreshed == [A])
