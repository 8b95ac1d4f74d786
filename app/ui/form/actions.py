"""What the user does with the form: choosing, typing and searching. `file_actions` is about files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from app.ui.form.context import opened_on
from app.ui.form.open_workflow import OpenWorkflow, shaped
from app.ui.form.seeds import makes_the_same, seeds_of, with_new_seeds
from app.ui.form.state import NODES_AT_FIRST, Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.workflows.forms.kinds import FALSE, TRUE, Seed, SeedMode, Text
from app.workflows.forms.presets import mode_of
from app.workflows.plans.runs import PlannedRun
from app.workflows.plans.targets import Target


class FormActions:
    """Actions on the form. `random_seed(limit)` draws a whole number from 0 up to and including `limit`."""

    def __init__(self, context: PageContext, random_seed: Callable[[int], int]) -> None:
        self._context = context
        self._random_seed = random_seed

    @property
    def chosen(self) -> OpenWorkflow | None:
        """The chosen workflow, with the inputs that the choices in its form add."""
        form = self._context.ui.of(FormState)
        found = opened_on(self._context)
        return shaped(found, form.draft.values) if found else None

    @action("fold-node")
    def fold_node(self, node: str) -> None:
        """Show or hide a node's inputs."""
        form = self._context.ui.of(FormState)
        set_slices(self._context, form.with_draft(replace(form.draft, unfolded=form.draft.unfolded ^ {node})))

    @action("more-nodes")
    def show_more_nodes(self) -> None:
        """Show more of a large workflow's nodes."""
        form = self._context.ui.of(FormState)
        set_slices(self._context, replace(form, nodes_shown=form.nodes_shown + NODES_AT_FIRST))

    @action("search")
    def search(self, value: str) -> None:
        set_slices(self._context, replace(self._context.ui.of(FormState), query=value, nodes_shown=NODES_AT_FIRST))

    @action("workflow-query")
    def search_workflows(self, value: str) -> None:
        """Search the workflows in the picker."""
        set_slices(self._context, replace(self._context.ui.of(FormState), workflow_query=value))

    @action("seed-mode")
    def choose_seed_mode(self, node: str, name: str, value: SeedMode) -> None:
        """Choose how a seed changes with each run."""
        form = self._context.ui.of(FormState)
        set_slices(self._context, form.with_draft(form.draft.with_mode((node, name), value)))

    @action("new-seeds")
    def draw_new_seeds(self) -> None:
        """Have every seed of the form drawn for each run, as one step to undo."""
        form, chosen = self._context.ui.of(FormState), self.chosen
        if chosen is not None:
            set_slices(self._context, form.with_draft(with_new_seeds(chosen, form.draft)))

    @action("dismiss-taken")
    def dismiss_taken(self) -> None:
        """Remove the note about the result whose settings are in the form."""
        set_slices(self._context, replace(self._context.ui.of(FormState), taken=None))

    @action("switch")
    def switch(self, node: str, name: str, checked: bool) -> None:
        """Turn an input on or off."""
        self.fill(node, name, TRUE if checked else FALSE)

    @action("field")
    def fill(self, node: str, name: str, value: str) -> None:
        """Set an input to a typed or chosen value."""
        key, form, chosen = (node, name), self._context.ui.of(FormState), self.chosen
        draft = form.draft.with_value(key, value)
        field = chosen.form.by_key.get(key) if chosen else None
        if field is not None and isinstance(field.kind, Seed):  # a typed seed stays as it is
            draft = draft.with_mode(key, SeedMode.FIXED)
        ui = self._context.ui.with_slices(form.with_draft(draft))
        if field is not None and isinstance(field.kind, Text):
            self._context.set_quietly(ui)
        else:
            self._context.set_ui(ui)

    # Seeds

    def draw_seeds(self, chosen: OpenWorkflow, draft: Draft) -> Draft:
        """Return the draft to send now, with random seeds drawn."""
        for item, seed in seeds_of(chosen):
            if mode_of(item, draft.modes) is SeedMode.RANDOM:
                low = max(0, seed.minimum)
                draft = draft.with_value(item.key, str(low + self._random_seed(seed.highest_drawn - low)))
        return draft

    def count_seeds(self, chosen: OpenWorkflow, draft: Draft) -> Draft:
        """Return the draft for the next run, with counting seeds advanced."""
        for item, seed in seeds_of(chosen):
            mode = mode_of(item, draft.modes)
            if mode in (SeedMode.UP, SeedMode.DOWN):
                number = item.parse(item.text_in(draft.values))
                draft = draft.with_value(item.key, str(seed.following(int(str(number)), mode)))
        return draft

    def with_seeds(
        self, chosen: OpenWorkflow, draft: Draft, runs: Iterable[PlannedRun]
    ) -> tuple[list[PlannedRun], Draft]:
        """Return the runs with the seeds that a click for each would have drawn, and the draft after the last one."""
        found = list[PlannedRun]()
        for run in runs:
            drawn = self.draw_seeds(chosen, draft)
            seeds = {item.key: item.parse(item.text_in(drawn.values)) for item, _ in seeds_of(chosen)}
            found.append(replace(run, values={**seeds, **run.values}))
            draft = self.count_seeds(chosen, drawn)
        return found, draft

    def draw_many(self, chosen: OpenWorkflow, draft: Draft, count: int) -> tuple[list[PlannedRun], Draft]:
        """Return so many runs, and the draft after the last one.

        They are those that as many clicks on *Run* would send, but never the same one again: then the first has the
        seeds of the form, and each further one new seeds.
        """
        targets = [Target(*item.key, self._context.word(item.label)) for item, _ in seeds_of(chosen)]
        varied = with_new_seeds(chosen, draft) if makes_the_same(chosen, draft) else None
        runs = list[PlannedRun]()
        for index in range(count):
            drawn = self.draw_seeds(chosen, varied if varied is not None and index else draft)
            values = {item.key: item.parse(item.text_in(drawn.values)) for item, _ in seeds_of(chosen)}
            label = " · ".join(f"{target.label} {values[target.where]}" for target in targets)
            runs.append(PlannedRun(index, values, label or f"#{index + 1}"))
            if varied is None:
                draft = self.count_seeds(chosen, drawn)
        return runs, draft
