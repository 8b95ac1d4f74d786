"""A run sends the editor's file, if it has one, with the values that are sent; without it the run is the same."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest

from app.core.errors import BadInput
from app.core.model import InputFile, PromptId, TaskState
from app.core.ports.blobs import Blob
from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.session.console import ConsoleContract
from app.session.memory.sandbox import Sandbox
from app.session.memory.store import MemoryStore
from app.session.state import State
from app.session.submitting import editor_files as editors
from app.session.submitting.editor_files import GONE, NO_EDITOR, UNSTORED, EditorFiles
from app.workflows.editor.copy import Slot, no_copy, ready_copy, write_copy
from app.workflows.editor.problems import CannotWrite, WriteFault
from app.workflows.plans.runs import Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.kit.stage import A, B, Stage, noted, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow

NONCE = Target("2", "nonce")


def copy_of(workflow: ApiWorkflow) -> str:
    """The copy of a file that has two values of a workflow."""
    nodes = [{"id": number, "type": "Thing", "widgets_values": [None]} for number in (1, 2)]
    holes = [Slot(("2", "nonce"), (("nodes", 1, "widgets_values", 0),))]
    if workflow.value("1", "image") is not None:
        holes.append(Slot(("1", "image"), (("nodes", 0, "widgets_values", 0),)))
    return write_copy({"nodes": nodes, "author": "沙丘"}, holes, json.loads(workflow.text))


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Posts:
    """The bodies of all submits, by prompt_id."""

    def __init__(self, stage: Stage) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        stage.world.network.on_request.append(self._note)

    def _note(self, _: object, method: str, path: str, body: bytes) -> None:
        if method == "POST" and path.startswith("/prompt"):
            parsed = json.loads(body)
            assert parsed["prompt_id"] not in self.bodies, "one POST for each task"
            self.bodies[parsed["prompt_id"]] = parsed

    def graph(self, prompt_id: PromptId) -> Any:
        """The editor's graph that was sent along, if any."""
        extra = self.bodies[prompt_id]["extra_data"]
        assert extra["mooring"]["window"]
        return extra.get("extra_pnginfo", {}).get("workflow")


def values_of(graph: Any) -> list[Any]:
    return [node["widgets_values"][0] for node in graph["nodes"]]


async def run(page: Page, nonce: int, editor: str | None = None, picture: bytes | None = None) -> PromptId:
    workflow = a_workflow(1, nonce, picture)
    inputs = {("1", "image"): Picked(Bytes(picture, "image/png"), "photo.png")} if picture else {}
    return await page.session.run(workflow, inputs=inputs, editor=copy_of(workflow) if editor is None else editor)


async def kept(stage: Stage, sha256: str) -> str | None:
    blob = await stage.store().read_input(sha256)
    return None if blob is None else (await blob.read()).decode()


@scene
async def test_a_submit_carries_the_file_with_what_is_sent(stage: Stage) -> None:
    """It has the server's name of a picture too, and its record is durable before the POST."""
    posts, page = Posts(stage), await stage.window()
    one, other = await run(page, 7, picture=b"picture"), await run(page, 8, picture=b"other")
    task = task_of(page, one)
    (item,) = task.inputs
    assert isinstance(item, InputFile)
    assert values_of(posts.graph(one)) == [f"{item.subfolder}/{item.name}", 7]
    assert values_of(posts.graph(other))[1] == 8 and posts.graph(other)["author"] == "沙丘"
    copy = copy_of(a_workflow(1, 7, b"picture"))
    assert task.editor_sha256 == task_of(page, other).editor_sha256 == hash_of(copy)
    assert task.editor_fault == ""
    assert await kept(stage, task.editor_sha256) == copy
    without = await stage.run_now(page)
    assert posts.graph(without) is None and "extra_pnginfo" not in posts.bodies[without]["extra_data"]


@scene
async def test_waiting_runs_share_one_file_after_a_reload(stage: Stage) -> None:
    posts, page = Posts(stage), await stage.window()
    workflow = a_workflow(1, 0, None)
    copy = copy_of(workflow)
    await page.session.line.add(workflow, plan_runs(workflow, Seeds(NONCE, (5, 6, 7, 8))), editor=copy)
    await stage.until(lambda: len(posts.bodies) == 2)
    page = await stage.reload(page)
    line = page.session.line
    await stage.until(lambda: line.line is not None and not line.line.entries)
    await stage.until(lambda: len(posts.bodies) == 4)
    assert sorted(values_of(posts.graph(PromptId(prompt_id)))[1] for prompt_id in posts.bodies) == [5, 6, 7, 8]
    assert {task.editor_sha256 for task in window_of(page).tasks.values()} == {hash_of(copy)}
    assert list(stage.world.database.inputs) == [hash_of(copy)]


@scene
async def test_run_again_sends_same_file_or_reports_it_gone(stage: Stage) -> None:
    posts, page = Posts(stage), await stage.window()
    first = await run(page, 7)
    await stage.ended(page, first)
    second = await page.session.run_again(first)
    assert posts.graph(second) == posts.graph(first)
    assert task_of(page, second).editor_sha256 == task_of(page, first).editor_sha256
    await stage.ended(page, second)
    stage.world.database.inputs.clear()
    third = await page.session.run_again(second)
    assert posts.graph(third) is None
    task = await stage.ended(page, third)
    assert (task.state, task.editor_sha256, task.editor_fault) == (TaskState.SUCCEEDED, "", GONE)
    fourth = await page.session.run_again(third)
    assert task_of(page, fourth).editor_fault == GONE


@scene
async def test_run_again_elsewhere_sends_the_file(stage: Stage) -> None:
    posts, page = Posts(stage), await stage.window()
    workflow = a_workflow(60, 7, None)
    first = await page.session.run(workflow, editor=copy_of(workflow), server_id=A)
    second = await page.session.run_again(first, elsewhere=True)
    assert task_of(page, second).server_id in {B, "gpu-3"}
    assert posts.graph(second) == posts.graph(first) is not None


@scene
async def test_unfillable_file_is_left_out_and_reported(stage: Stage) -> None:
    posts, page = Posts(stage), await stage.window()
    fault = no_copy(CannotWrite("cannot-write", "2", "nonce", WriteFault.NOT_KEPT))
    for editor, expected in ((copy_of(a_workflow(9, 7, None)), "otherwise"), (fault, "not-kept"), ("{", "unreadable")):
        prompt_id = await run(page, 7, editor)
        task = await stage.ended(page, prompt_id)
        assert posts.graph(prompt_id) is None
        assert (task.state, task.editor_sha256, task.editor_fault) == (TaskState.SUCCEEDED, "", expected)
        assert task_of(page, await page.session.run_again(prompt_id)).editor_fault == expected
    huge = ready_copy({"nodes": [], "note": "x" * 30_000_000})
    assert task_of(page, await run(page, 8, huge)).editor_fault == "too-large"


@scene
async def test_full_disk_does_not_prevent_sending_the_file(stage: Stage) -> None:
    posts, page = Posts(stage), await stage.window()
    database = stage.world.database
    database.quota = database.used + 4_000
    prompt_id = await run(page, 7, ready_copy({"nodes": [], "note": "x" * 50_000}))
    database.quota = None
    assert posts.graph(prompt_id)["note"] == "x" * 50_000
    task = await stage.ended(page, prompt_id)
    assert (task.state, task.editor_sha256, task.editor_fault) == (TaskState.SUCCEEDED, "", UNSTORED)
    assert task_of(page, await page.session.run_again(prompt_id)).editor_fault == GONE


@scene
async def test_a_script_may_hand_over_the_editors_graph(stage: Stage) -> None:
    posts, page = Posts(stage), await stage.window()
    graph = {"nodes": [{"id": 1, "type": "Thing"}], "big": 2**60}
    workflow = a_workflow(1, 7, None)
    contract = ConsoleContract(page.session)
    for parsed in (graph, json.dumps(graph)):
        call = contract.call("submit_workflow", [json.loads(workflow.text), {"workflow": parsed}])
        assert posts.graph(PromptId(str(await asyncio.wait_for(call, 60)))) == graph
    for wrong in ("{", {"nodes": 7}, [], 7):
        with pytest.raises(BadInput):
            await contract.call("submit_workflow", [json.loads(workflow.text), {"workflow": wrong}])
    assert len(posts.bodies) == 2


async def test_copy_is_kept_as_json_if_there_is_one() -> None:
    kept: dict[str, Blob] = {}

    class Keeping(MemoryStore):
        async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:
            kept[sha256] = blob

    keeper = EditorFiles(State(Sandbox(store=Keeping()).ports))
    sha256 = await keeper.keep("沙丘")
    assert (sha256, kept[sha256].size, kept[sha256].media_type) == (hash_of("沙丘"), 6, "application/json")
    assert await keeper.read("") == NO_EDITOR


@scene
async def test_missing_file_is_noted_in_journal_with_cause(stage: Stage) -> None:
    page = await stage.window()
    await run(page, 7)
    assert noted(page, "editor_fault") == []
    prompt_id = await run(page, 7, copy_of(a_workflow(9, 7, None)))
    assert noted(page, "editor_fault") == [{"prompt_id": prompt_id, "cause": "otherwise"}]


def test_file_and_workflow_together_stay_within_submit_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = a_workflow(1, 7, None)
    copy = copy_of(workflow)
    together = len(copy.encode()) + len(workflow.text.encode())
    monkeypatch.setattr(editors, "LARGEST", together)
    assert values_of(editors._filled(copy, workflow))[1] == 7
    monkeypatch.setattr(editors, "LARGEST", together - 1)
    with pytest.raises(CannotWrite) as caught:
        editors._filled(copy, workflow)
    assert caught.value.fault is WriteFault.TOO_LARGE
