"""The seeds of a form, and whether they make runs differ."""

from __future__ import annotations

from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Seed, SeedMode
from app.workflows.forms.presets import mode_of
from app.workflows.wildcards import seems_meant


def seeds_of(chosen: OpenWorkflow) -> list[tuple[Field, Seed]]:
    """Return the seeds of the form, each with its kind."""
    return [(item, item.kind) for item in chosen.form.by_key.values() if isinstance(item.kind, Seed)]


def makes_the_same(chosen: OpenWorkflow, draft: Draft) -> bool:
    """Return whether nothing in the form changes from run to run."""
    changes = any(mode_of(item, draft.modes) is not SeedMode.FIXED for item, _ in seeds_of(chosen))
    return not changes and not any(seems_meant(item.text_in(draft.values)) for item in chosen.prompts)


def with_new_seeds(chosen: OpenWorkflow, draft: Draft) -> Draft:
    """Return the draft with each seed drawn for each run, as one step to undo."""
    modes = {**draft.modes, **{item.key: SeedMode.RANDOM for item, _ in seeds_of(chosen)}}
    return draft.with_typed(draft.values, modes)
