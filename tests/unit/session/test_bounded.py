"""A window's memory does not grow with its past work: it is bounded by what the window shows."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping

import pytest

from app.core.journal import Journal
from app.core.model import PromptId
from app.core.plan import Paces
from app.core.ports import Ports
from app.workflows.plans.runs import Count, plan_runs
from tests.kit.stage import A, Stage, line_of, scene, window_of
from tests.simulation.world import Page, a_workflow
from tests.unit.session.test_past import made

# The journal and what was learned of durations have bounds of their own; behind the ports the world begins.
APART = (Journal, Paces, Ports)


def held(root: object) -> Counter[str]:
    """Count the reachable objects of each type, through Mooring's own objects and plain containers."""
    seen, ways, found = {id(root)}, deque([root]), Counter[str]()
    while ways:
        item = ways.popleft()
        found[type(item).__name__] += 1
        for part in parts_of(item):
            if id(part) not in seen:
                seen.add(id(part))
                ways.append(part)
    return found


def parts_of(item: object) -> Iterator[object]:
    if isinstance(item, Mapping):
        yield from item.keys()
        yield from item.values()
    elif isinstance(item, (list, tuple, set, frozenset, deque)):
        yield from item
    elif type(item).__module__.startswith("app.") and not isinstance(item, APART):
        for owner in type(item).__mro__:
            names = getattr(owner, "__slots__", ())
            yield from (getattr(item, name) for name in names if isinstance(name, str) and hasattr(item, name))
        yield from getattr(item, "__dict__", {}).values()


def grown(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """The types with more objects than before."""
    return {name: count - before[name] for name, count in after.items() if count - before[name] > 5}


async def rest(stage: Stage, page: Page) -> None:
    """Wait until all results are delivered and old tasks are moved to the past tasks."""
    await stage.until(lambda: len(window_of(page).tasks) <= 4 and window_of(page).window_locked_server is None)
    await stage.sleep(60)


@pytest.mark.usefixtures("few")
@scene
async def test_memory_does_not_grow_with_number_of_tasks(stage: Stage) -> None:
    page = await stage.window()
    await made(stage, page, 10)
    await rest(stage, page)
    before = held(page.session)
    assert before["Task"] > 2, "it finds what is held"
    await made(stage, page, 20)
    await rest(stage, page)
    assert grown(before, held(page.session)) == {}


@pytest.mark.usefixtures("few")
@scene
async def test_nor_with_those_that_one_mooring_has_held(stage: Stage) -> None:
    page = await stage.window()

    async def go(last: PromptId, count: int) -> PromptId:
        for _ in range(count):
            following = await stage.run(page, steps=50)
            await stage.ended(page, last)
            last = following
        await stage.until(lambda: len(window_of(page).tasks) <= 5)
        return last

    last = await go(await stage.run(page, steps=50, server_id=A), 20)
    before = held(page.session)
    await go(last, 20)
    assert window_of(page).window_locked_server == A
    assert page.session.socket.reconnects == 0
    assert grown(before, held(page.session)) == {}


@pytest.mark.usefixtures("few")
@scene
async def test_nor_with_the_tasks_that_waited_in_its_line(stage: Stage) -> None:
    page = await stage.window()

    async def all_sent(count: int) -> None:
        workflow = a_workflow(1, 1, None)
        await page.session.line.add(workflow, plan_runs(workflow, Count(count)))
        await stage.until(lambda: not line_of(page).entries)
        await rest(stage, page)

    await all_sent(20)
    before = held(page.session)
    await all_sent(20)
    assert grown(before, held(page.session)) == {}
