"""The twelve states. Each is reached as in real use, with real servers and real faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import break_server
from tests.screens.backdrop import Backdrop, a_picture

SEEDS = {"en": "see", "zh-CN": "种", "pseudo": "sé"}  # how the name of seeds begins
LONG = 200  # steps: longer than the pictures in every width take


@dataclass(frozen=True, slots=True)
class State:
    """`bring` returns the window that is in this state; `part` is what a phone shows then.

    A `rough` state leaves broken or busy servers behind.
    """

    name: str
    bring: Callable[[Backdrop], Awaitable[MooringWindow]]
    part: str
    is_rough: bool = False


async def first_use(backdrop: Backdrop) -> MooringWindow:
    """A new profile without any results."""
    return await backdrop.open()


async def form(backdrop: Backdrop) -> MooringWindow:
    """A photo is chosen, and one node of the workflow is unfolded."""
    window = await backdrop.open()
    await window.choose_sample("enlarge")
    await window.put_picture(backdrop.photo())
    await window.page.locator("[data-testid=node][data-node='2'] button").click()
    await window.page.locator("#field-2-crop").wait_for()
    return window


async def running(backdrop: Backdrop) -> MooringWindow:
    """A task with its preview and its remaining time, above two that are done."""
    window = await backdrop.open()
    for title in ("Harbour at dawn", "Dunes"):
        await backdrop.make(window, title, text=f"{title}, long shadows")
    prompt_id = await window.submit(a_picture("slow tide over sand", steps=LONG), "Tide")
    card = window.card(prompt_id, "running")
    await card.get_by_test_id("preview").wait_for()
    await card.get_by_test_id("eta").wait_for()
    return window


async def queued(backdrop: Backdrop) -> MooringWindow:
    """Behind other users' work, with more runs waiting in the window."""
    await backdrop.crowd(2)
    window = await backdrop.open()
    await window.choose_sample("text")
    page = window.page
    await page.locator("#field-1-text").fill("a lighthouse in fog, wide")
    await page.get_by_test_id("where").select_option("gpu-1")
    await page.get_by_test_id("run-count").fill("6")
    await page.get_by_test_id("run-count").blur()
    await page.get_by_test_id("run").click()
    await page.locator("[data-testid=waiting-item]").nth(3).wait_for()
    await page.locator("[data-testid=task-card][data-state=queued]").nth(1).wait_for()
    return window


async def done(backdrop: Backdrop) -> MooringWindow:
    """Results of several shapes, one of them with its details open."""
    window = await backdrop.open()
    shapes = (("Harbour at dawn", 768, 512), ("Lighthouse", 512, 768), ("Buoy", 512, 512))
    for title, width, height in shapes:
        await backdrop.make(window, title, text=f"{title}, soft light", width=width, height=height)
    prompt_id = await window.submit(_four(), "Four moods of the sea")
    await window.wait_for(prompt_id)
    await window.card(prompt_id, "succeeded").locator("img").nth(3).wait_for()
    await window.run_photo(backdrop.photo())
    return window


async def failed(backdrop: Backdrop) -> MooringWindow:
    """A task that its server refused, and one that ended with an error."""
    window = await backdrop.open()
    await backdrop.make(window, "Harbour at dawn")
    refused = a_picture()
    refused["1"]["inputs"]["width"] = -8
    await window.call("mooring.submitWorkflow(a[0], {title: 'Too narrow'}).catch(() => 0)", refused)
    broken = a_picture()
    broken["3"] = {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "fail_at": 1, "steps": 2}}
    broken["2"]["inputs"]["images"] = ["3", 0]
    await window.card(await window.submit(broken, "Storm"), "failed").wait_for()
    return window


async def server_down(backdrop: Backdrop) -> MooringWindow:
    """The server of a running task has died."""
    window = await backdrop.open()
    await backdrop.make(window, "Harbour at dawn")
    prompt_id = await window.submit(a_picture("slow tide over sand", steps=LONG), "Tide")
    await window.card(prompt_id, "running").get_by_test_id("preview").wait_for()
    backdrop.fleet.kill((await window.task(prompt_id))["executionServer"])
    await window.card(prompt_id, "unreachable").get_by_test_id("offers").wait_for()
    await window.page.locator("#open-fleet .ill").wait_for()
    return window


async def unclear(backdrop: Backdrop) -> MooringWindow:
    """The connection was cut while a task was sent, and the server is too slow to answer."""
    window = await backdrop.open()
    await window.call("mooring.uploadImage(new Blob(['x'], {type: 'image/png'}), 'x.png')")  # moors: loads are read
    locked = backdrop.fleet[(await window.facts())["lockedServer"]]
    await break_server(locked, next_submit="unsent", delay=60.0)
    await window.page.evaluate("(workflow) => void mooring.submitWorkflow(workflow, {title: 'Dunes'})", a_picture())
    await window.page.locator("[data-testid=task-card][data-state=unclear]").get_by_test_id("offers").wait_for()
    return window


async def orphan(backdrop: Backdrop) -> MooringWindow:
    """Work of a closed window."""
    await backdrop.crowd(1)
    window = await backdrop.open()
    for _ in range(2):
        prompt_id = await window.send_photo(backdrop.photo())
        await window.wait_state(prompt_id, "queued")
    await window.submit(a_picture(steps=LONG), "Slow tide")
    await window.page.close()
    heir = await backdrop.open()
    await heir.show_left()
    await heir.page.get_by_test_id("orphan").nth(2).wait_for()
    await heir.page.locator("[data-testid=orphan] img").nth(1).wait_for()
    return heir


async def fleet(backdrop: Backdrop) -> MooringWindow:
    """One server used by two windows, one by another user, one down."""
    window, other = await backdrop.open(), await backdrop.open()
    moored = []
    for each, title in ((window, "Tide"), (other, "Dunes")):
        prompt_id = await each.submit(a_picture(steps=LONG), title)
        await each.wait_state(prompt_id, "running", "queued")
        moored.append((await each.task(prompt_id))["executionServer"])
    backdrop.fleet.kill(next(name for name in backdrop.fleet.ports if name not in moored))
    await window.page.locator("#open-fleet .ill").wait_for()
    await window.page.get_by_test_id("server-chip").click()
    panel = window.page.get_by_test_id("fleet-panel")
    await panel.locator("[data-health=down], [data-health=refuses]").first.wait_for()
    await panel.locator(".spark").first.wait_for()
    await panel.get_by_test_id("timeline").wait_for()
    return window


async def lightbox(backdrop: Backdrop) -> MooringWindow:
    """A result shown large, with its settings."""
    window = await backdrop.open()
    await window.open_large(
        await backdrop.make(window, "Harbour at dawn", text="a harbour at dawn, long shadows, film")
    )
    return window


async def all_full(backdrop: Backdrop) -> MooringWindow:
    """Every server has a queue, and every part of the page has content."""
    await backdrop.crowd(3)
    left = await backdrop.open()
    await left.wait_state(await left.send_photo(backdrop.photo()), "queued")
    await left.page.close()
    window = await backdrop.open()
    page = window.page
    await _sheet_of_four(window, SEEDS[backdrop.language])
    await window.choose_sample("enlarge")
    await window.put_picture(backdrop.photo())
    await window.show_left()
    await page.get_by_test_id("orphan").wait_for()
    await page.locator("[data-testid=waiting-item]").first.wait_for()
    await page.locator("[data-testid=task-card][data-state=queued]").nth(1).wait_for()
    return window


async def _sheet_of_four(window: MooringWindow, seeds: str) -> None:
    page = window.page
    await window.choose_sample("text")
    await window.plan_grid("2..6 step 2", "1, 2", seeds)
    await page.get_by_test_id("many-add").click()
    await page.get_by_test_id("many-dialog").wait_for(state="detached")


def _four() -> dict[str, object]:
    """Four pictures of one run."""
    made: dict[str, object] = {}
    for number, text in enumerate(("calm", "swell", "storm", "ice")):
        for node_id, node in a_picture(text, width=512, height=512).items():
            if node_id == "2":
                node["inputs"]["images"] = [f"{number}1", 0]
            made[f"{number}{node_id}"] = node
    return made


STATES = (
    State("first-use", first_use, "form"),
    State("form", form, "form"),
    State("running", running, "now"),
    State("queued", queued, "now", is_rough=True),
    State("done", done, "results"),
    State("failed", failed, "results"),
    State("server-down", server_down, "now", is_rough=True),
    State("unclear-submit", unclear, "now", is_rough=True),
    State("orphan", orphan, "now", is_rough=True),
    State("fleet", fleet, "now", is_rough=True),
    State("lightbox", lightbox, "results"),
    State("all-full", all_full, "now", is_rough=True),
)
