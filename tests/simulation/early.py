"""Presses of Run from before a page is up (`static/js/early.js`, `app/ui/runs/early_runs.py`).

The tab keeps each with the prompt_id of its run until the run is recorded. The page that comes up carries it out,
unless its tab is a copy, the run is known, or an earlier page has taken the press: then it is only offered.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from app.core.model import PromptId
from tests.simulation.browser import Tab
from tests.simulation.orders import Wanted

if TYPE_CHECKING:
    from tests.simulation.world import Page, World

KEY = "mooring.early"


def press(world: World, tab: Tab, wanted: Wanted) -> None:
    """Press Run in a tab whose page is not up yet."""
    prompt_id = str(uuid.UUID(int=world.chance.getrandbits(128), version=4))
    world.presses[prompt_id] = wanted
    _keep(tab, _kept(tab) | {prompt_id: False})
    world.tally.counts["early presses"] += 1
    world.note(f"early press {prompt_id[:8]}")


async def carry_out(world: World, page: Page) -> None:
    """Do what was pressed before this page was up, one press after the other."""
    session, tab = page.session, page.tab
    is_copied = session.identity is not None and session.identity.is_duplicate
    for prompt_id, is_taken in _kept(tab).items():
        if not is_copied and not await session.knows(PromptId(prompt_id)):
            if is_taken:
                world.tally.counts["early presses offered"] += 1
            else:
                _keep(tab, _kept(tab) | {prompt_id: True})
                wanted = world.presses[prompt_id]
                await world.click_and_follow(page, wanted.workflow, wanted.picture, PromptId(prompt_id))
        _keep(tab, {name: taken for name, taken in _kept(tab).items() if name != prompt_id})


def _kept(tab: Tab) -> dict[str, bool]:
    """Return the presses of a tab, and whether a page has taken each."""
    found: dict[str, bool] = json.loads(tab.storage.get(KEY, "{}"))
    return found


def _keep(tab: Tab, presses: dict[str, bool]) -> None:
    tab.storage[KEY] = json.dumps(presses)
