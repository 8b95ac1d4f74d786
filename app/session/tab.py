"""One browser tab as the page sees it: its own session together with those of its crew.

    tab = Tab(Crew(session, ports))
    tab.window                      # the tab's own; `windows` are those of all sessions, its own first
    await tab.cancel(prompt_id)     # goes to the session that has the task

An operation on one task goes to the session that has it. Everything else (runs, the line, kept results, orphans) is the
own session's, taken over as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.core.errors import MooringError, StorageError
from app.core.eta import Outlook
from app.core.model import Fleet, PromptId, ServerId, Task
from app.core.ports.blobs import Blob, KeepSettings, Usage
from app.core.ports.windows import Identity
from app.core.progress import Progress
from app.core.window import Restoring, Window
from app.session.delivery.results import Results
from app.session.facts import Fresh, Noticed, Preview, Run
from app.session.salvage import Orphan, OrphanRecord
from app.session.waiting.crew import Crew


class Tab:
    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._own = own = crew.all_sessions[0]
        self.results = TabResults(crew)
        self.past = TabPast(crew)
        self.line, self.files = own.line, own.files
        self.run, self.keep_input, self.lean = own.run, own.keep_input, own.lean
        self.name_project, self.choose_previews = own.name_project, own.choose_previews
        self.find_orphans, self.adopt = own.find_orphans, own.adopt
        self.catalogue, self.standing, self.choices = own.catalogue, own.standing, own.choices
        self.models = own.models
        self.refresh_catalogues, self.subscribe = own.refresh_catalogues, own.subscribe
        self.until_fleet, self.knows = own.until_fleet, own.knows
        self.model_downloads = own.model_downloads

    # State

    @property
    def window(self) -> Restoring | Window | None:
        """The tab's own window."""
        return self._own.window

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows of all sessions that have read their records."""
        return tuple(item.window for item in self._crew.all_sessions if isinstance(item.window, Window))

    @property
    def identity(self) -> Identity | None:
        """This tab's identity, once it is known."""
        return self._own.identity

    @property
    def fleet(self) -> Fleet:
        """The servers, as the gateway last reported them."""
        return self._own.fleet

    @property
    def fleet_error(self) -> MooringError | None:
        """Why the fleet is unknown."""
        return self._own.fleet_error

    @property
    def store_error(self) -> StorageError | None:
        """Why the last access of any session to the store failed."""
        return next((item.store_error for item in self._crew.all_sessions if item.store_error is not None), None)

    @property
    def progress(self) -> Mapping[PromptId, Progress]:
        """How far each running task is."""
        return {key: value for item in self._crew.all_sessions for key, value in item.progress.items()}

    @property
    def previews(self) -> Mapping[PromptId, Preview]:
        """The latest preview of each running task."""
        return {key: value for item in self._crew.all_sessions for key, value in item.previews.items()}

    def outlook(self, task: Task) -> Outlook:
        """When a task is expected to end or, if it waits, to begin."""
        return self._crew.holder_of(task.prompt_id).outlook(task)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Clicks on Run in progress, and runs that the crew has taken from the line."""
        return tuple(run for item in self._crew.all_sessions for run in item.runs)

    @property
    def has_loose_ends(self) -> bool:
        """Whether something would be lost if this page closed now."""
        return any(item.has_loose_ends for item in self._crew.all_sessions)

    @property
    def stalled(self) -> frozenset[PromptId]:
        """The tasks that have not moved for longer than is normal."""
        return frozenset().union(*(item.stalled for item in self._crew.all_sessions))

    def still_for(self, prompt_id: PromptId) -> float:
        """Seconds for which polls of that task have shown no progress."""
        return self._crew.holder_of(prompt_id).still_for(prompt_id)

    @property
    def noticed(self) -> Mapping[ServerId, Noticed]:
        """By server: that it was restarted, lost its history, or was replaced."""
        return {key: value for item in reversed(self._crew.all_sessions) for key, value in item.noticed.items()}

    @property
    def orphans(self) -> tuple[Orphan, ...]:
        """Work of closed windows."""
        return self._own.orphans

    @property
    def orphan_records(self) -> tuple[OrphanRecord, ...]:
        """Unreadable records of closed windows."""
        return self._own.orphan_records

    # Actions

    async def dismiss_run(self, prompt_id: PromptId) -> None:
        """Forget a click that was not sent, in the session that shows it."""
        for item in self._crew.all_sessions:
            if any(run.prompt_id == prompt_id for run in item.runs):
                await item.dismiss_run(prompt_id)

    async def retry_run(self, prompt_id: PromptId) -> None:
        """Send a click that was not sent, from the session that shows it."""
        for item in self._crew.all_sessions:
            if any(run.prompt_id == prompt_id for run in item.runs):
                await item.retry_run(prompt_id)

    async def run_again(
        self,
        prompt_id: PromptId,
        *,
        elsewhere: bool = False,
        server_id: ServerId | None = None,
        values: Mapping[tuple[str, str], object] = MappingProxyType({}),
    ) -> PromptId:
        holder = self._crew.holder_of(prompt_id)
        return await holder.run_again(prompt_id, elsewhere=elsewhere, server_id=server_id, values=values)

    async def visit(self, server_id: ServerId, prompt_id: PromptId) -> Task | None:
        return await self._own.visit(server_id, prompt_id)

    async def uses_credits(self, prompt_id: PromptId) -> bool:
        return await self._crew.holder_of(prompt_id).uses_credits(prompt_id)

    async def confirm_move(self, prompt_id: PromptId) -> None:
        await self._crew.holder_of(prompt_id).confirm_move(prompt_id)

    async def cancel(self, prompt_id: PromptId) -> None:
        await self._crew.holder_of(prompt_id).cancel(prompt_id)

    async def give_up(self, prompt_id: PromptId) -> None:
        await self._crew.holder_of(prompt_id).give_up(prompt_id)

    async def look_again(self, prompt_id: PromptId) -> None:
        await self._crew.holder_of(prompt_id).look_again(prompt_id)

    async def delete_task(self, prompt_id: PromptId) -> None:
        await self._crew.holder_of(prompt_id).delete_task(prompt_id)


class TabPast:
    """The past tasks of all windows: one store, to which each session of this tab adds."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        own = crew.all_sessions[0].past
        self.read_ids, self.read_rows, self.read_others = own.read_ids, own.read_rows, own.read_others
        self.read_task, self.delete = own.read_task, own.delete

    @property
    def changes(self) -> int:
        """How often this tab has added or deleted past tasks."""
        return sum(item.past.changes for item in self._crew.all_sessions)


class TabResults:
    """The kept results: one store, but each session knows the outputs of its own tasks only."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._own = own = crew.all_sessions[0].results
        self.read, self.read_thumbnail, self.ask_promise = own.read, own.read_thumbnail, own.ask_promise

    @property
    def usage(self) -> Usage | None:
        """How much is kept."""
        return self._own.usage

    @property
    def deletions(self) -> int:
        """How often this tab has deleted all results."""
        return self._own.deletions

    def _of(self, prompt_id: PromptId) -> Results:
        """The results of the session that has the task, or the tab's own."""
        holder = self._crew.session_of(prompt_id)
        return holder.results if holder is not None else self._own

    async def fetch(self, prompt_id: PromptId, index: int = 0) -> Blob | None:
        """Fetch by the session that has the task, or by the tab's own."""
        return await self._of(prompt_id).fetch(prompt_id, index)

    async def keep_drawing(self, prompt_id: PromptId, index: int, drawing: Blob) -> None:
        """Keep a picture of a 3D model as its thumbnail."""
        await self._of(prompt_id).keep_drawing(prompt_id, index, drawing)

    def take_fresh(self) -> Mapping[tuple[PromptId, int], Fresh]:
        """Return the latest deliveries of all sessions, each once."""
        return {key: fresh for item in self._crew.all_sessions for key, fresh in item.results.take_fresh().items()}

    def refresh_soon(self) -> None:
        """Check in the background which results are kept."""
        for item in self._crew.all_sessions:
            item.results.refresh_soon()

    async def configure(self, settings: KeepSettings) -> None:
        """Set how much is kept, for all windows."""
        await self._own.configure(settings)
        self.refresh_soon()

    async def delete_all(self) -> None:
        """Delete the kept results of all windows."""
        await self._own.delete_all()
        self.refresh_soon()
