"""Variations: a task's settings with other seeds. ComfyUI answers an exact repeat from its cache.

values = vary(task, context.workflows, form_state, random_seed)
await session.run_again(task.prompt_id, values=values)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from app.core.model import Task
from app.core.workflow import parse_workflow
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft, FormState
from app.workflows.forms.arrangement import workflow_key
from app.workflows.forms.kinds import Seed, SeedMode
from app.workflows.forms.presets import mode_of
from app.workflows.graph import Key, open_graph

_SEED = re.compile(r'"(?=[^"\\]*seed)[^"\\]*":\s*-?\d', re.IGNORECASE)


def has_seed(task: Task) -> bool:
    """Whether a task has a seed, so that another one gives a variation. It is asked for each result that is drawn."""
    return _SEED.search(task.workflow) is not None


def _seeds_in(workflow: str) -> tuple[Key, ...]:
    """Return the inputs that are numbers and have `seed` in their name."""
    graph = open_graph(parse_workflow(workflow))
    return tuple(
        (node_id, name)
        for node_id, node in graph.items()
        for name, value in node.values.items()
        if "seed" in name.lower() and isinstance(value, int) and not isinstance(value, bool)
    )


def vary(
    task: Task, workflows: Iterable[OpenWorkflow], form: FormState, random_seed: Callable[[int], int]
) -> dict[Key, object]:
    """Return new seeds for those that the form of the task's workflow draws; without such a form, or seed, for all."""
    key = workflow_key(parse_workflow(task.workflow))
    fitting = [item for item in workflows if item.is_whole and item.published.key == key]
    fitting.sort(key=lambda item: item.workflow_id != form.workflow_id)
    kinds = _kinds(fitting, form)
    seeds = _seeds_in(task.workflow)
    wanted = [key for key in seeds if kinds.get(key, (Seed(), False))[1]] or seeds
    values: dict[Key, object] = {}
    for key_of_seed in wanted:
        seed, _is_drawn = kinds.get(key_of_seed, (Seed(), True))
        low = max(0, seed.minimum)
        values[key_of_seed] = low + random_seed(seed.highest_drawn - low)
    return values


def _kinds(fitting: Sequence[OpenWorkflow], form: FormState) -> dict[Key, tuple[Seed, bool]]:
    """Return the seeds of the first form that fits, and whether it changes each with every run."""
    if not fitting:
        return {}
    draft = form.drafts.get(fitting[0].workflow_id, Draft())
    return {
        key: (item.kind, mode_of(item, draft.modes) is not SeedMode.FIXED)
        for key, item in fitting[0].form.by_key.items()
        if isinstance(item.kind, Seed)
    }
