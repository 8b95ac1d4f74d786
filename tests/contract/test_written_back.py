"""A picture contains the editor's file of its run: opened, it is the same workflow with the same values."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from app.core import comfy
from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Converter, Key
from app.workflows.editor.copy import filled
from app.workflows.editor.sending import EditorSender
from app.workflows.reading import read_source
from tests.contract.conftest import ALONE, REAL, Demos
from tests.contract.peer import Peer, WebPeer, entry, new_id, web_peer
from tests.contract.test_files import RED, fresh
from tests.editor.drawing import INSIDE, OUTSIDE, Drawing, key
from tests.kit.builders import task as a_task
from wire.versions import VERSIONS

NOW = (2026, 1, 2, 3, 4, 5)


@pytest.fixture(params=[*VERSIONS, *REAL])
async def painter(request: pytest.FixtureRequest, demos: Demos) -> AsyncIterator[Peer]:
    """A server that writes prompts into its pictures."""
    address = request.param
    opening: AbstractAsyncContextManager[WebPeer] = (
        demos.open(address) if address in VERSIONS else web_peer(address, address, is_alone=ALONE, previews=False)
    )
    async with opening as peer:
        yield peer


def a_file() -> dict[str, Any]:
    """Return a file with a subgraph that exposes a width, a width from a primitive, and a dated name."""
    inner = Drawing(key(1), "Smaller", first_link=100)
    image, width = inner.port("image", "IMAGE"), inner.port("width", "INT")
    inner.node(
        10, "ImageScale", ["nearest-exact", 8, 8, "disabled"], widgets=("width",), outputs=1,
        image=(INSIDE, image), width=(INSIDE, width),
    )  # fmt: skip
    inner.leave("IMAGE", "IMAGE", 10, 0)
    assert inner.links[-1]["target_id"] == OUTSIDE
    draw = Drawing()
    draw.node(1, "LoadImage", ["none.png", "image"], outputs=2)
    draw.node(3, key(1), [32], widgets=("width",), outputs=1, types={"width": "INT"}, image=(1, 0), width=None)
    draw.node(2, "PrimitiveNode", [16, "fixed"], outputs=1)["outputs"][0]["type"] = "INT"
    scale = ["nearest-exact", 16, 8, "disabled"]
    draw.node(5, "ImageScale", scale, widgets=("width",), outputs=1, image=(3, 0), width=(2, 0))
    draw.node(4, "Note", ["Kept as it was: {not|chosen}"], outputs=0)
    draw.node(9, "SaveImage", ["%date:yyyy%/written"], outputs=0, images=(5, 0))
    return draw.hold(inner).file()


async def test_editor_file_in_a_picture_is_the_workflow_that_ran(painter: Peer) -> None:
    converter = Converter(Catalogue.parse((await painter.request("GET", "/object_info")).json()))
    conversion = converter.convert(a_file())
    values: dict[Key, object] = {("3:10", "width"): 24, ("5", "width"): 20, ("5", "upscale_method"): "lanczos"}
    sending = EditorSender(converter, conversion).prepare(values, now=NOW, choose=lambda _: 0)
    name = (await painter.upload(fresh(), RED, subfolder="mooring")).json()["name"]
    workflow = sending.workflow.with_value("1", "image", f"mooring/{name}")
    task = a_task(prompt_id=new_id(), workflow=workflow.text)
    request = comfy.submit_request("", task, filled(sending.editor, workflow), previews="auto")
    assert request.json is not None
    answer = await painter.request(request.method, request.path, body=request.json.encode())
    assert answer.status == 200, answer.body
    found = await entry(painter, task.prompt_id)
    (image,) = found["outputs"]["9"]["images"]
    assert image["subfolder"] == "2026"
    picture = read_source((await painter.request("GET", "/view", image)).body, image["filename"])
    assert picture.size is not None and picture.size.width == 20
    assert picture.api is not None and picture.graph is not None
    ran = json.loads(picture.api)
    for node in ran.values():
        node.pop("is_changed", None)  # added by a real server
    assert ran == json.loads(workflow.text)
    graph = json.loads(picture.graph)
    assert converter.convert(graph, now=NOW).output == json.loads(workflow.text)
    by_id = {node["id"]: node for node in graph["nodes"]}
    assert (by_id[3]["widgets_values"], by_id[2]["widgets_values"]) == ([24], [20, "fixed"])
    assert by_id[9]["widgets_values"] == ["%date:yyyy%/written"]
    assert by_id[4] in a_file()["nodes"]
