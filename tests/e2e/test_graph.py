"""The graph of a task in a real browser: arranged in a worker, marked live, moved by the user."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, press_in_menu
from tests.kit.browser.work import break_server, demo_servers, paused, quick_workflow, slow_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]


def chain(length: int) -> dict[str, Any]:
    """Return a picture that passes through many nodes, each with two earlier ones as inputs."""
    nodes = quick_workflow()
    nodes["1"]["_meta"] = {"title": "Plain colour"}
    for number in range(3, length + 1):
        before = [str(number - 1) if number > 3 else "1", 0]
        inputs = {"image1": before, "image2": ["1", 0], "blend_factor": 0.5, "blend_mode": "normal"}
        nodes[str(number)] = {"class_type": "ImageBlend", "inputs": inputs}
    nodes["2"]["inputs"]["images"] = [str(length), 0]
    return nodes


def failing() -> dict[str, Any]:
    """Return a workflow with a node that fails."""
    nodes = chain(3)
    nodes["7"] = {
        "class_type": "DemoFailAt",
        "inputs": {"image": ["3", 0], "steps": 3, "fail_at": 2},
        "_meta": {"title": "Glaze"},
    }
    nodes["2"]["inputs"]["images"] = ["7", 0]
    return nodes


async def open_graph(window: MooringWindow, prompt_id: str) -> Page:
    """Open the graph of a task, and wait until it is drawn."""
    await window.press_on(window.card(prompt_id), "open-graph")
    await window.page.locator(".drawing .box").first.wait_for()
    return window.page


def box(page: Page, node_id: str) -> Locator:
    return page.locator(f'.drawing .box[data-node-id="{node_id}"]')


async def transform_of(page: Page) -> str:
    """Return how the drawing is panned and zoomed."""
    return str(await page.locator(".drawing .plane").get_attribute("transform"))


async def wait_for_move(page: Page, before: str) -> str:
    """Wait until the drawing was panned or zoomed, and is at rest."""
    await wait_for_js(
        page, "(before) => document.querySelector('.plane').getAttribute('transform') !== before", arg=before
    )
    return await wait_for_rest(page)


async def wait_for_rest(page: Page) -> str:
    """Return the pan and zoom at rest: a drawing is fitted a moment after it appears."""
    await page.evaluate(
        """async () => {
          const at = () => document.querySelector(".plane").getAttribute("transform");
          for (let last = ""; last !== at();) {
            last = at();
            for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
          }
        }"""
    )
    return await transform_of(page)


async def test_graph_of_a_running_task_is_marked_live(window: MooringWindow, gateway: Service) -> None:
    nodes = quick_workflow(31)
    nodes["7"] = {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "steps": 4, "fail_at": 0}}
    nodes["2"]["inputs"]["images"] = ["7", 0]
    servers = demo_servers(gateway)
    bar = "document.querySelector('.box[data-node-id=\"7\"] .box-bar').width.baseVal.value"
    async with paused(*servers, at_step=1):
        prompt_id = await window.submit(nodes)
        await window.card(prompt_id, "running").wait_for()
        page = await open_graph(window, prompt_id)
        drawn = await page.locator(".drawing").evaluate_handle("(node) => node")
        await wait_for_js(
            page,
            """() => {
              const mark = (id) => document.querySelector(`.box[data-node-id="${id}"]`).dataset.mark ?? "";
              return mark(1) === "finished" && mark(7) === "running" && mark(2) === "";
            }""",
        )
        early = await page.evaluate(bar)
        await expect(page.locator(".node-row", has_text="DemoFailAt").locator(".node-mark")).to_have_text("Running")
        for server in servers:
            await break_server(server, pause_at_step=3)
        await wait_for_js(page, f"(early) => {bar} > early", arg=early)
    await expect(page.get_by_test_id("graph-state")).to_have_text("Finished")
    for node_id in ("1", "7", "2"):
        await expect(box(page, node_id)).to_have_attribute("data-mark", "finished")
    assert await drawn.evaluate("(node) => node.isConnected"), "the drawing was replaced"


async def test_click_on_a_failed_node_shows_its_error(window: MooringWindow) -> None:
    prompt_id = await window.submit(failing())
    await window.card(prompt_id, "failed").wait_for()
    page = await open_graph(window, prompt_id)
    await expect(box(page, "7")).to_have_attribute("data-mark", "failed")
    await expect(box(page, "3")).to_have_attribute("data-mark", "finished")
    await expect(page.get_by_test_id("node-error")).to_have_count(0)
    await box(page, "7").click()
    await expect(page.get_by_test_id("node-error")).to_contain_text("failing on purpose at step 2")
    await box(page, "3").click()
    await expect(page.get_by_test_id("graph-node")).to_contain_text("blend_factor")
    await expect(page.get_by_test_id("node-error")).to_have_count(0)
    await page.get_by_test_id("to-failed").click()
    await expect(page.get_by_test_id("node-error")).to_contain_text("failing on purpose")


async def test_stage_without_a_drawing_may_change_its_size(window: MooringWindow) -> None:
    prompt_id = await window.submit(failing())
    await window.card(prompt_id, "failed").wait_for()
    page = await open_graph(window, prompt_id)
    await page.evaluate(
        """async () => {
          const stage = document.querySelector("#graph-stage");
          stage.replaceChildren();
          stage.style.width = "300px";
          for (let frames = 0; frames < 3; frames++) await new Promise(requestAnimationFrame);
        }"""
    )  # an error on the page fails the test


async def test_failed_node_is_reached_by_keyboard(window: MooringWindow) -> None:
    prompt_id = await window.submit(failing())
    await window.card(prompt_id, "failed").wait_for()
    page = await open_graph(window, prompt_id)
    await page.locator(".drawing").focus()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('.box')?.dataset.nodeId") == "7"
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("node-error")).to_contain_text("failing on purpose")
    assert await page.evaluate("document.activeElement.closest('.box')?.dataset.nodeId") == "7", "the focus was lost"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("graph-dialog").wait_for(state="detached")


async def test_panning_and_zooming_survive_a_patch(window: MooringWindow, gateway: Service) -> None:
    async with paused(*demo_servers(gateway)):
        prompt_id = await window.submit(slow_workflow(text="graph"))
        await window.card(prompt_id, "running").wait_for()
        page = await open_graph(window, prompt_id)
        stage = await page.locator(".graph-stage").bounding_box()
        assert stage is not None
        x, y = stage["x"] + 40, stage["y"] + 40
        before = await wait_for_rest(page)
        await page.mouse.move(x, y)
        await page.mouse.wheel(0, -240)
        zoomed = await wait_for_move(page, before)
        await page.mouse.down()
        await page.mouse.move(x + 60, y + 30, steps=4)
        await page.mouse.up()
        panned = await wait_for_move(page, zoomed)
        await box(page, "2").dispatch_event("click")
        await expect(page.get_by_test_id("graph-node")).to_contain_text("SaveImage")
        await page.get_by_test_id("graph-node").locator("[data-action=graph-node][data-node-id='']").click()
        await expect(page.get_by_test_id("graph-node")).to_have_count(0)
    await expect(page.get_by_test_id("graph-state")).to_have_text("Finished")
    assert await transform_of(page) == panned
    await page.keyboard.press("Escape")
    await page.get_by_test_id("graph-dialog").wait_for(state="detached")
    await page.mouse.move(0, 0)  # under the pointer the run's row would stay in the queue
    await window.card(prompt_id, "succeeded").locator(".tile").wait_for()
    await open_graph(window, prompt_id)
    assert await transform_of(page) == panned, "the patch moved the drawing"


async def test_drag_from_a_node_selects_nothing(window: MooringWindow) -> None:
    prompt_id = await window.submit(quick_workflow(21))
    await window.card(prompt_id, "succeeded").wait_for()
    page = await open_graph(window, prompt_id)
    at = await box(page, "1").bounding_box()
    assert at is not None
    await box(page, "2").click()
    chosen = page.get_by_test_id("graph-node")
    await expect(chosen).to_have_attribute("data-node-id", "2")
    before = await wait_for_rest(page)
    await page.mouse.move(at["x"] + 20, at["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(at["x"] + 90, at["y"] + 60, steps=3)
    await page.mouse.up()
    await wait_for_move(page, before)  # enough frames for everything that the release started
    await expect(chosen).to_have_attribute("data-node-id", "2")
    await page.mouse.click(at["x"] + 90, at["y"] + 60)  # the node is where it was dragged to
    await expect(chosen).to_have_attribute("data-node-id", "1")
    await page.mouse.click(at["x"] + 95, at["y"] - 20)
    await expect(chosen).to_have_count(0)


async def test_keys_and_buttons_pan_zoom_and_fit(window: MooringWindow) -> None:
    prompt_id = await window.submit(quick_workflow(22))
    await window.card(prompt_id, "succeeded").wait_for()
    page = await open_graph(window, prompt_id)
    whole = at = await wait_for_rest(page)
    await page.locator(".drawing").focus()
    for key in ("ArrowLeft", "ArrowUp", "+", "-", "ArrowRight", "ArrowDown"):
        await page.keyboard.press(key)
        at = await wait_for_move(page, at)
    await page.keyboard.press("0")
    assert await wait_for_move(page, at) == whole
    at = whole
    for tool in ("graph-in", "graph-out"):
        await page.get_by_test_id(tool).click()
        at = await wait_for_move(page, at)
    await page.get_by_test_id("graph-fit").click()
    await wait_for_js(
        page, "(whole) => document.querySelector('.plane').getAttribute('transform') === whole", arg=whole
    )


async def test_two_fingers_zoom(window: MooringWindow) -> None:
    await window.page.set_viewport_size({"width": 400, "height": 780})
    prompt_id = await window.submit(quick_workflow(23))
    await window.show("results")
    await window.card(prompt_id, "succeeded").wait_for()
    page = await open_graph(window, prompt_id)
    before = await wait_for_rest(page)
    stage = await page.locator(".graph-stage").bounding_box()
    assert stage is not None
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    fingers = await page.context.new_cdp_session(page)
    await fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, reach in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60), ("touchEnd", 0)):
        points = [{"x": x - reach, "y": y, "id": 1}, {"x": x + reach, "y": y, "id": 2}] if reach else []
        await fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    after = await wait_for_move(page, before)
    scale = float(after.rpartition("scale(")[2].rstrip(")")) / float(before.rpartition("scale(")[2].rstrip(")"))
    assert 1.5 < scale < 3.5
    await expect(page.get_by_test_id("graph-dialog")).to_be_visible()
    await fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


async def test_prompt_is_arranged_left_to_right_without_overlaps(window: MooringWindow) -> None:
    prompt_id = await window.submit(chain(30))
    await window.card(prompt_id, "succeeded").wait_for()
    page = await open_graph(window, prompt_id)
    await expect(page.locator(".drawing .box")).to_have_count(30)
    rects = await page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".box")].map((box) => {
          const { x, y, width, height } = box.querySelector(".box-body").getBoundingClientRect();
          return [box.dataset.nodeId, [x, y, x + width, y + height]];
        }))"""
    )
    inner = await page.evaluate(
        "() => [...document.querySelectorAll('.line')].map((line) => [line.dataset.from, line.dataset.to])"
    )
    assert len(inner) == 57
    assert all(rects[source][2] < rects[target][0] for source, target in inner)
    placed = list(rects.values())
    for number, one in enumerate(placed):
        for other in placed[number + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one, other)


async def test_graph_of_the_form_is_shown_before_a_run(window: MooringWindow) -> None:
    await window.choose_sample("blend")
    page = window.page
    await press_in_menu(page.get_by_test_id("open-form-graph"))
    await page.locator(".drawing .box").first.wait_for()
    await expect(page.get_by_test_id("graph-state")).to_have_count(0)
    await page.locator(".node-row").last.click()
    await expect(page.get_by_test_id("graph-node")).to_contain_text("filename_prefix")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("graph-dialog").wait_for(state="detached")


async def test_page_responds_while_a_large_graph_is_arranged(window: MooringWindow) -> None:
    """The worker is held back, since the page must not depend on it."""
    gate: list[Route] = []

    async def hold(route: Route) -> None:
        gate.append(route)

    await window.page.route("**/layout_worker.js", hold)
    prompt_id = await window.submit(chain(60))
    await window.card(prompt_id, "succeeded").wait_for()
    page = window.page
    await window.press_on(window.card(prompt_id), "open-graph")
    await expect(page.locator(".graph-instead")).to_contain_text("Arranging 60 nodes")
    await page.get_by_test_id("graph-find").fill("plain")
    await expect(page.locator(".node-row:visible")).to_have_count(1)
    await page.locator(".node-row:visible").click()
    await expect(page.get_by_test_id("graph-node")).to_contain_text("EmptyImage")
    assert gate
    await gate[0].continue_()
    await expect(page.locator(".drawing .box")).to_have_count(60)
    await expect(page.get_by_test_id("graph-find")).to_have_value("plain")
    await expect(page.locator(".node-row:visible")).to_have_count(1)


async def test_worker_that_cannot_start_is_reported_and_retried(
    module_user: BrowserUser, window: MooringWindow
) -> None:
    await window.page.route("**/layout_worker.js", lambda route: route.fulfill(status=404, body="gone"))
    module_user.watch.expected += ["404"]
    prompt_id = await window.submit(quick_workflow(24))
    await window.card(prompt_id, "succeeded").wait_for()
    page = window.page
    await window.press_on(window.card(prompt_id), "open-graph")
    await expect(page.locator(".graph-instead")).to_contain_text("The graph could not be arranged.")
    await expect(page.locator(".node-row")).to_have_count(2)
    await page.unroute("**/layout_worker.js")
    await page.get_by_test_id("graph-again").click()
    await expect(page.locator(".drawing .box")).to_have_count(2)


async def test_graph_fits_at_360_pixels(window: MooringWindow) -> None:
    await window.page.set_viewport_size({"width": 360, "height": 640})
    prompt_id = await window.submit(failing())
    await window.show("now")
    await window.card(prompt_id, "failed").wait_for()
    page = await open_graph(window, prompt_id)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await expect(page.locator(".graph-side")).to_be_in_viewport()
    await box(page, "7").click()
    await expect(page.get_by_test_id("node-error")).to_be_in_viewport()
    overflow = (
        "(() => { const side = document.querySelector('.graph-side'); return side.scrollWidth - side.clientWidth; })()"
    )
    assert await page.evaluate(overflow) <= 0
