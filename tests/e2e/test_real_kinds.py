"""Workflows and results of every kind on real ComfyUI servers, also of two versions in one fleet.

    MOORING_REAL_COMFYUI=http://127.0.0.1:8188,http://127.0.0.1:8189 python3 -m pytest tests/e2e/test_real_kinds.py

Skipped without two addresses. Nothing needs a model; the sampler is one of the test nodes in
`tests/recordings/slow_steps.py`. Each run goes to a server that knows its classes.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from tests.e2e.test_open_workflow import drop
from tests.e2e.test_real_comfyui import ADDRESSES, check_runs, editor_graph, flags, need
from tests.e2e.test_result_kinds import COMPRESSED, open_model
from tests.editor.drawing import Drawing
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser
from tests.kit.browser.work import make_photo, quick_workflow
from tests.kit.module_gateways import a_gateway
from tests.oracle.editor_site import package_files

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.e2e,
    pytest.mark.skipif(len(ADDRESSES) < 2, reason="MOORING_REAL_COMFYUI names no two real servers"),
]

gateway = a_gateway(*flags())


async def test_sampler_shows_previews_on_a_server_without_a_method(user: BrowserUser) -> None:
    """A server of 0.30 shows none by itself; CustomCombo sends the run to one."""
    await need("/object_info", "FakeSampler", "CustomCombo")
    window = await user.open()
    latent = {"width": 256, "height": 192, "batch_size": 1}
    sampled = {"latent": ["1", 0], "seed": random.randrange(1 << 31), "steps": 12, "seconds_per_step": 0.5}
    workflow = {
        "1": {"class_type": "EmptyLatentImage", "inputs": latent},
        "2": {"class_type": "FakeSampler", "inputs": sampled},
        "3": {"class_type": "LatentPicture", "inputs": {"latent": ["2", 0]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "sampled"}},
        "5": {"class_type": "CustomCombo", "inputs": {"choice": "a", "index": 0, "option1": "a", "option2": ""}},
        "6": {"class_type": "PreviewAny", "inputs": {"source": ["5", 0]}},
    }
    prompt_id = await window.submit(workflow)
    await expect(window.card(prompt_id).get_by_test_id("preview")).to_be_visible()
    await wait_for_js(window.page, "document.querySelector('canvas[data-preview]')?.dataset.size?.includes(' × ')")
    assert (await window.wait_for(prompt_id))["state"] == "succeeded"


async def test_template_with_subgraphs_runs(user: BrowserUser, tmp_path: Path) -> None:
    await need("/object_info", "GLSLShader", "CurveEditor", "ImageHistogram")
    window = await user.open()
    name = "basic_image_color_adjustment"
    file = package_files("comfyui_workflow_templates_json", "templates") / f"{name}.json"
    await drop(window.page, file.name, file.read_bytes(), "application/json")
    await expect(window.page.locator("#workflow-title")).to_have_text(name.replace("_", " "))
    await window.put_picture(make_photo(tmp_path, random.randrange(1000)), "180-image")
    task = await window.wait_for(await window.press_run())
    assert task["state"] == "succeeded", task


async def test_app_mode_orders_inputs_and_results(user: BrowserUser) -> None:
    window = await user.open()
    page, colour = window.page, random.randrange(1 << 24)
    graph = editor_graph(colour)
    graph["nodes"][1]["order"] = 2
    graph["nodes"].append({**graph["nodes"][1], "id": 3, "order": 1, "widgets_values": ["e2e-other"]})
    graph["nodes"][2]["inputs"] = [{"name": "images", "type": "IMAGE", "link": 2}]
    graph["nodes"][0]["outputs"][0]["links"] = [1, 2]
    graph["links"].append([2, 1, 0, 3, 0, "IMAGE"])
    chosen = {"inputs": [["1", "color"], ["2", "filename_prefix"], ["1", "width"]], "outputs": ["2", "3"]}
    graph["extra"] = {"linearMode": True, "linearData": chosen}
    await drop(page, "plain.app.json", json.dumps(graph).encode(), "application/json")
    await expect(page.locator("#field-1-color")).to_have_value(str(colour))
    shown = await page.locator(".fields :is(input, textarea, select)[id^=field-]:visible").evaluate_all(
        "(all) => all.map((one) => one.id)"
    )
    assert shown[:3] == ["field-1-color", "field-2-filename_prefix", "field-1-width"]
    task = await window.wait_for(await window.press_run())
    assert task["state"] == "succeeded", task
    assert [output["filename"].split("_")[0] for output in task["outputs"]] == ["e2e-real", "e2e-other"]


async def test_video_plays(user: BrowserUser) -> None:
    await need("/object_info", "CreateVideo", "SaveVideo")
    window = await user.open()
    workflow = quick_workflow(random.randrange(1 << 24))
    workflow["1"]["inputs"]["batch_size"] = 8
    workflow["2"] = {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 8.0}}
    saved = {"video": ["2", 0], "filename_prefix": "video/e2e", "format": "auto", "codec": "auto"}
    workflow["3"] = {"class_type": "SaveVideo", "inputs": saved}
    task = await check_runs(window, await window.submit(workflow))
    await expect(window.card(task["promptId"]).locator("video")).to_be_visible()
    await wait_for_js(window.page, "document.querySelector('#results video')?.duration === 1")


async def test_three_dimensional_result_is_drawn(user: BrowserUser) -> None:
    await need("/object_info", "Preview3D")
    name = f"box-{random.randrange(1 << 24)}.gltf"
    for address in ADDRESSES:
        form = aiohttp.FormData({"type": "output"})
        form.add_field("image", json.dumps(COMPRESSED).encode(), filename=name, content_type="model/gltf+json")
        async with aiohttp.ClientSession() as session, session.post(f"{address}/upload/image", data=form) as reply:
            assert reply.status == 200
    window = await user.open()
    workflow = {"1": {"class_type": "Preview3D", "inputs": {"model_file": name}}}
    task = await check_runs(window, await window.submit(workflow))
    await open_model(window, task["promptId"])


async def test_picture_of_a_scene_is_asked_of_the_user(user: BrowserUser, tmp_path: Path) -> None:
    await need("/object_info", "Load3D", "Load3DAdvanced")  # the first alone takes no *none*
    window = await user.open()
    draw = Drawing()
    draw.node(1, "Load3D", ["none", "", "", "", "", 64, 64], outputs=8)
    draw.node(2, "SaveImage", ["scene"], images=(1, 3))
    await drop(window.page, "scene.json", json.dumps(draw.file()).encode(), "application/json")
    await window.put_picture(make_photo(tmp_path, random.randrange(1000)))
    await check_runs(window, await window.press_run())
