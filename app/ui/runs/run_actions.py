"""What *Run* does, and the actions around it: on many runs, files, the waiting line and tasks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from app.core.balancer import ANY, Leaning, Wish
from app.core.errors import MooringError
from app.core.model import BatchId, PromptId, ServerId
from app.core.ports.blobs import Blob
from app.core.ports.files import FileSet
from app.core.window import Window
from app.session import Session
from app.ui.form.actions import FormActions
from app.ui.form.arrange_actions import ArrangeActions
from app.ui.form.changes import put_draft
from app.ui.form.file_actions import FileActions, media_of
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.screen import Screen
from app.ui.runs.early_runs import EarlyRunActions
from app.ui.runs.files_actions import FilesActions
from app.ui.runs.many_actions import ManyActions
from app.ui.runs.orders import PlannedRuns, PromptDraw, files_of, order_of, plan_of, wildcards_of
from app.ui.runs.own_windows import own_unfinished
from app.ui.runs.run_view import run_view, with_files
from app.ui.runs.server_picker import WhereView, senders_for, wish_of
from app.ui.runs.state import MOST_COUNT, CreditsDialog, RunsState, Stopped
from app.ui.runs.stopping import to_stop
from app.ui.runs.task_actions import TaskActions
from app.ui.runs.waiting_actions import LineActions
from app.workflows.graph import Key
from app.workflows.plans.files import folder_of, takes
from app.workflows.plans.runs import PlannedRun
from app.workflows.wildcards import NO_WILDCARDS, Wildcards

log = logging.getLogger("mooring.ui")


ReadWildcards = Callable[[Collection[str]], Awaitable[Wildcards]]


async def no_wildcards(_references: Collection[str]) -> Wildcards:
    """Read nothing: there are no wildcards."""
    return NO_WILDCARDS


class RunActions:
    """Actions of running; `owners` are all objects with actions around it.

    `read_wildcards` reads those that the form's prompts refer to.
    `note_used(workflow_id, prompt_id)` notes a run in the library, `note_values(chosen, draft)` the form's values at
    each.
    """

    def __init__(
        self,
        session: Session,
        context: PageContext,
        screen: Screen,
        random_seed: Callable[[int], int],
        note_used: Callable[[str, PromptId], Awaitable[None]] | None = None,
        *,
        note_values: Callable[[OpenWorkflow, Draft], None] = lambda _chosen, _draft: None,
        read_wildcards: ReadWildcards = no_wildcards,
        deletions: Deletions,
    ) -> None:
        self._session = session
        self._deletions = deletions
        self._note_used = note_used
        self._note_values = note_values
        self._read_wildcards = read_wildcards
        self._random_seed = random_seed
        self._context = context
        self._screen = screen
        self._form = FormActions(context, random_seed)
        self._files = FileActions(session, context, screen, lambda: self._form.chosen)
        self._arranging = ArrangeActions(context, screen, deletions)
        self._line = LineActions(session.line, context, screen, deletions, self._to_stop)
        self._many = ManyActions(context, screen, self._form, self._add_many, deletions)
        self._many_files = FilesActions(
            session.line,
            context,
            screen,
            form=self._form,
            make_plan=self._plan,
            where=self._place_files,
            deletions=deletions,
        )
        self.early_runs = EarlyRunActions(session, context, screen)
        self.owners: tuple[object, ...] = (
            self,
            self._form,
            self._files,
            self._arranging,
            self._line,
            self._many,
            self._many_files,
            TaskActions(session, context, screen, random_seed),
            self.early_runs,
        )

    def _to_stop(self, batch_id: BatchId | None) -> Stopped:
        line, number = self._session.line, self._context.ui.of(RunsState).stopped.number + 1
        return to_stop(line.line, own_unfinished(self._session), line.files.works, batch_id, number)

    # Running

    @action("run-count")
    def choose_count(self, value: str) -> None:
        count = min(MOST_COUNT, max(1, int(value))) if value.isdecimal() else 1
        ui = self._context.ui
        set_slices(self._context, replace(ui.of(RunsState), run_count=count, count_of=ui.of(FormState).workflow_id))

    @action("run-count-by")
    def change_count(self, by: int) -> None:
        ui = self._context.ui
        self.choose_count(str(max(1, ui.of(RunsState).count_for(ui.of(FormState).workflow_id) + by)))

    @action("run")
    async def run(self, confirmed: bool = False, press: str = "", restored: bool = False, server: str = "") -> None:
        """Run the chosen workflow. Several runs that cost credits are confirmed first.

        `press` is the prompt_id of a press from before Python had started, `restored` if that was before a reload.
        One run goes to the `server` that the button names, by another session of the tab.
        """
        if not press:
            await self._run("", confirmed=confirmed, server=server)
            return
        with self.early_runs.carrying():
            try:
                is_done = await self.early_runs.is_done(PromptId(press), is_restored=restored)
            except MooringError:
                self._screen.take_press(press)  # what was typed after it is passed on, and a reload asks again
                raise
            try:
                if not is_done:
                    await self._run(press, confirmed=confirmed)
            finally:
                self._screen.end_press(press)

    async def _run(self, press: str, *, confirmed: bool, server: str = "") -> None:
        if confirmed:
            self._set(dialog=None)
        chosen, ui = self._form.chosen, self._context.ui
        if chosen is None or (view := run_view(self._session, chosen, ui)).blocker is not None:
            return  # the Run bar says why
        before = ui.of(FormState)
        draw = await self._draw_for(chosen, before.draft)
        ui = self._context.ui
        if (ui.of(FormState).workflow_id, ui.of(FormState).draft) != (before.workflow_id, before.draft):
            await self._run(press, confirmed=confirmed, server=server)  # changed while wildcards were read
            return
        count = ui.of(RunsState).count_for(chosen.workflow_id)
        wish = self._wish(chosen, view.where)
        if count > 1 and chosen.credit_classes and not confirmed:
            self._set(dialog=CreditsDialog("run", count))
            return
        self.choose_count("1")  # a number that stayed would multiply another job later
        if count > 1 or wish.is_patient:
            await self._run_many(chosen, count, wish, draw, press)
        else:
            wish = Wish(asked=ServerId(server)) if server else wish
            await self._run_one(chosen, wish, draw, press, is_apart=bool(server))

    async def _run_one(
        self, chosen: OpenWorkflow, wish: Wish, draw: PromptDraw, press: str, *, is_apart: bool = False
    ) -> None:
        """Send one run, before the page is drawn; with `is_apart` by another session of the tab if need be."""
        ui = self._context.ui
        form = ui.of(FormState)
        draft = self._form.draw_seeds(chosen, form.draft)
        order = order_of(chosen, draft, now=self._screen.local_time(), draw=draw)
        inputs = files_of(chosen, draft)
        put_draft(self._context, self._form.count_seeds(chosen, draft))
        # Not in the next frame: the browser holds back what the store answers until that one is drawn.
        self._screen.schedule(lambda: self._screen.update({"reveal": "now"}), is_calm=True)
        self._context.hold_drawing()
        if press:
            self._screen.take_press(press)
        try:
            prompt_id = await self._session.run(
                order.workflow,
                title=chosen.title,
                inputs=inputs,
                server_id=wish.asked,
                editor=order.editor,
                templates=order.templates,
                prompt_id=PromptId(press) if press else None,
                is_apart=is_apart,
            )
        except MooringError as error:
            log.info("the run failed, as its card shows: %r", error)
            prompt_id = None
        line = self._session.line.line
        if prompt_id is not None and line is not None and line.has(prompt_id):
            self._screen.update({"reveal": "waiting"})  # its turn has not come
        self._note_values(chosen, form.draft)
        if prompt_id is not None and self._note_used is not None:
            await self._note_used(chosen.workflow_id, prompt_id)

    def _wish(self, chosen: OpenWorkflow, where: WhereView) -> Wish:
        """Return what the user and the workflow ask of the choice of a server; nothing in a moored window."""
        wish = ANY if where.moored_to else wish_of(where)
        if wish == ANY and chosen.needs_demo:
            return Wish(asked=self._demo_server())
        return wish

    async def _draw_for(self, chosen: OpenWorkflow, draft: Draft, runs: Sequence[PlannedRun] = ()) -> PromptDraw:
        """Return what prompts are drawn with. Nothing is awaited if no prompt has wildcards."""
        references = wildcards_of(chosen, draft, runs)
        return PromptDraw(self._choose, await self._read_wildcards(references) if references else NO_WILDCARDS)

    async def _run_many(self, chosen: OpenWorkflow, count: int, wish: Wish, draw: PromptDraw, press: str) -> None:
        """Queue so many runs, each with the seeds that its own click would have drawn."""
        form = self._context.ui.of(FormState)
        self._note_values(chosen, form.draft)
        runs, draft = self._form.draw_many(chosen, form.draft, count)
        plan = plan_of(chosen, form.draft, runs, now=self._screen.local_time(), draw=draw)
        inputs = files_of(chosen, draft)
        put_draft(self._context, draft)
        self._screen.update({"reveal": "waiting"})
        if press:
            self._screen.take_press(press)
        await self._line.add(chosen.title, plan, inputs, wish, senders=self._senders(wish), press=press)

    async def _add_many(self, chosen: OpenWorkflow, draft: Draft, runs: list[PlannedRun], senders: int | None) -> None:
        """Queue the runs of a plan, with the files that are in the form now."""
        view = run_view(self._session, chosen, self._context.ui)
        if view.blocker is not None:
            return  # the dialog says why
        self._note_values(chosen, self._context.ui.of(FormState).draft)
        plan = await self._plan(chosen, draft, runs)
        inputs = files_of(chosen, draft)
        wish = self._wish(chosen, view.where)
        await self._line.add(
            chosen.title, plan, inputs, wish, senders=self._senders(wish) if senders is None else senders
        )

    async def _plan(self, chosen: OpenWorkflow, draft: Draft, runs: list[PlannedRun]) -> PlannedRuns:
        draw = await self._draw_for(chosen, draft, runs)
        return plan_of(chosen, draft, runs, now=self._screen.local_time(), draw=draw)

    def _place_files(self, chosen: OpenWorkflow) -> tuple[Wish, int] | None:
        """Return where runs with a file each go, and over how many servers; None if none of them can run."""
        view = run_view(self._session, chosen, with_files(self._context.ui, chosen))
        if view.blocker is not None:
            return None
        wish = self._wish(chosen, view.where)
        return wish, 1 if wish.asked is not None else senders_for(view.where)

    def _senders(self, wish: Wish) -> int | None:
        """Return how the runs are spread over servers; None leaves an existing line as it is."""
        line, chosen = self._session.line.line, self._form.chosen
        if line is not None and line.entries:
            return None
        if wish.asked is not None:
            return 1
        return senders_for(run_view(self._session, chosen, self._context.ui).where)

    def _choose(self, count: int) -> int:
        """Draw a number below `count`."""
        return self._random_seed(count - 1)

    def _demo_server(self) -> ServerId | None:
        """In a mixed fleet, return a demo server, since no other has the demo's nodes; None leaves the choice open."""
        servers = self._session.fleet.servers
        window = self._session.window
        if all(server.is_demo for server in servers) or not isinstance(window, Window):
            return None
        if window.window_locked_server:
            return None
        demos = [server for server in servers if server.is_demo]
        leanings = self._context.ui.of(RunsState).leanings
        wanted = [server for server in demos if leanings.get(server.server_id) is Leaning.PREFER]
        others = [server for server in demos if leanings.get(server.server_id) is not Leaning.AVOID]
        found = wanted or others or demos
        return min(found, key=lambda server: server.running + server.pending).server_id if found else None

    # Files

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]], purpose: str = "") -> None:
        """Take files that were dropped, pasted or chosen."""
        if self._many.is_open or purpose == "plan":
            self._many.take_files(files)
        else:
            self._files.take_files(key, files)

    def take_many(self, key: Key | None, files: FileSet, purpose: str = "") -> bool:
        """Take many files or a folder: a run for each. False if they are better taken one by one."""
        if purpose == "again" and key is not None:
            self._many_files.supply(key[0], files)
            return True
        chosen = self._form.chosen
        is_asked = self._many_files.is_open or purpose == "many"
        is_opened = self._many.is_open or purpose == "open"  # as a plan's text, or as workflows
        if chosen is None or is_opened or not (is_asked or self._is_too_many(chosen, files)):
            return False
        self._many_files.ask(key if key is not None and key in chosen.form.by_key else None, files)
        return True

    def _is_too_many(self, chosen: OpenWorkflow, files: FileSet) -> bool:
        """Whether there are more files than fields for them, or a folder; a workflow among them is opened."""
        if any(file.name.lower().endswith(".json") for file in files.files) and not folder_of(files.files):
            return False
        fields = [item for item in chosen.uploads if any(takes(media_of(item), file) for file in files.files)]
        return bool(fields) and (len(files.files) > len(fields) or any("/" in file.path for file in files.files))

    async def recover(self, read_input: Callable[[str], Awaitable[Blob | None]]) -> None:
        """Put back the files that were in the form before a reload."""
        await self._files.recover(self._session.window, read_input)

    # Helpers

    def _set(self, **changes: Any) -> None:
        self._context.set_ui(replace(self._context.ui, **changes))
