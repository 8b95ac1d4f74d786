"""A variation of a result: the same settings with another seed."""

from __future__ import annotations

import json

import pytest

from app.core.model import Task
from app.ui.form.state import Draft, FormState
from app.ui.kit.state import UiState
from app.ui.results.state import PictureDialog
from app.ui.runs.state import CreditsDialog
from app.ui.runs.variations import has_seed, vary
from app.workflows.forms.kinds import SeedMode
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import StillSession, ended, output, window, workflows
from tests.kit.page.trouble import page
from tests.kit.page.views import markup
from tests.ports.tasks import changed
from tests.unit.ui.page.test_actions import SEED

TWO_SEEDS = {
    "1": {"class_type": "KSampler", "inputs": {"seed": 7, "model": ["2", 0], "seed_note": "seven", "is_seeded": True}},
    "2": {"class_type": "Noise", "inputs": {"noise_seed": 8}},
}


def made(workflow: dict[str, object]) -> Task:
    return ended("a", output(), workflow=json.dumps(workflow))


def of_the_form() -> Task:
    """A task of the workflow *text*, whose seed is drawn for each run."""
    text = next(item for item in workflows() if item.workflow_id == "text")
    return ended("a", output(), workflow=text.form.workflow.text)


def test_every_seed_of_an_unknown_workflow_is_new() -> None:
    task = made(TWO_SEEDS)
    assert has_seed(task)
    assert vary(task, (), FormState(), lambda _limit: 99) == {("1", "seed"): 99, ("2", "noise_seed"): 99}
    assert not has_seed(made({"1": {"class_type": "Draw", "inputs": {"seed_note": "seven", "seed": ["2", 0]}}}))
    assert not has_seed(changed(task, workflow=""))


@pytest.mark.parametrize("mode", SeedMode)
def test_seed_of_the_form_is_new_whatever_its_mode(mode: SeedMode) -> None:
    form = FormState(workflow_id="text", drafts={"text": Draft(modes={SEED: mode})})
    assert vary(of_the_form(), workflows(), form, lambda _limit: 5) == {SEED: 5}


async def test_variation_repeats_the_task_with_a_new_seed() -> None:
    task = of_the_form()
    rig = PageRig("text", session=StillSession(window=window(task)))
    await rig.act("run-variation", promptId=task.prompt_id)
    ((verb, prompt_id, elsewhere, values),) = rig.session.calls
    assert (verb, prompt_id, elsewhere) == ("run_again", task.prompt_id, False)
    assert values.keys() == {SEED}


async def test_variation_is_confirmed_if_it_costs_credits() -> None:
    task = of_the_form()
    rig = PageRig("text", session=StillSession(window=window(task)))
    rig.session.costly = {task.prompt_id}
    await rig.act("run-variation", promptId=task.prompt_id)
    assert rig.ui.dialog == CreditsDialog("run-variation", prompt_id=task.prompt_id)
    text = markup(page(rig.session, rig.ui), "dialogs")
    assert element(text, data_testid="confirm-credits")["data-action"] == "run-variation"
    await rig.act("run-variation", promptId=task.prompt_id, confirmed="true", elsewhere="false")
    assert [call[0] for call in rig.session.calls] == ["run_again"] and rig.ui.dialog is None


def test_result_with_a_seed_offers_a_variation_and_others_a_repeat() -> None:
    without = {"1": {"class_type": "Enlarge", "inputs": {"width": 64}}}
    for task, offered, missing in ((made(TWO_SEEDS), "run-variation", "run-again"),
                                   (made(without), "run-again", "run-variation")):  # fmt: skip
        session = StillSession(window=window(task))
        lacking = element(markup(page(session), "results"), data_result=f"{task.prompt_id}/0")["data-lacking"].split()
        assert missing in lacking and offered not in lacking
        large = markup(page(session, UiState(dialog=PictureDialog(task.prompt_id, 0))), "dialogs")
        assert elements(large, data_action=offered) and not elements(large, data_action=missing)
