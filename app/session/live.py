"""What is shown besides the records and is gone after a reload: clicks in progress, progress, previews, sockets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from app.core.errors import MooringError
from app.core.model import PromptId, ServerId, Task, WindowId
from app.core.progress import Progress
from app.core.server_fingerprint import RestartSign
from app.core.stall import Stillness
from app.session.context import Context
from app.session.facts import Noticed, Preview, Run, RunStage, SocketFacts

MOST_VISITED = 20  # runs whose records are held in memory, until the page is closed


class Live:
    """Each fact is changed by one method, which notifies the listeners if they have to know at once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runs: dict[PromptId, Run] = {}
        self._progress: dict[PromptId, Progress] = {}
        self._previews: dict[PromptId, Preview] = {}
        self._posted_at: dict[PromptId, float] = {}  # of this page's unfinished tasks, by `Clock.steady`
        self._stillness: dict[PromptId, Stillness] = {}
        self._stalled: frozenset[PromptId] = frozenset()
        self._noticed: dict[ServerId, Noticed] = {}
        self._sockets: dict[WindowId, SocketFacts] = {}
        self._visited: dict[PromptId, Task] = {}
        self.runs: Mapping[PromptId, Run] = MappingProxyType(self._runs)
        self.progress: Mapping[PromptId, Progress] = MappingProxyType(self._progress)
        self.previews: Mapping[PromptId, Preview] = MappingProxyType(self._previews)
        self.stillness: Mapping[PromptId, Stillness] = MappingProxyType(self._stillness)
        self.noticed: Mapping[ServerId, Noticed] = MappingProxyType(self._noticed)
        self.visited: Mapping[PromptId, Task] = MappingProxyType(self._visited)  # runs that only their servers know

    # Clicks

    def set_run(self, run: Run) -> None:
        """Show how far a click is."""
        self._runs[run.prompt_id] = run
        self._context.changed()

    def drop_run(self, prompt_id: PromptId) -> None:
        """Show a click no longer."""
        self._runs.pop(prompt_id, None)

    def show_refused(self, prompt_id: PromptId, title: str, at: float, error: MooringError) -> None:
        """Show a click that was not sent, until it is dismissed."""
        failed = RunStage.FAILED
        self.set_run(Run(prompt_id=prompt_id, title=title, started_at=at, stage=failed, error=error, is_kept=True))

    # Unfinished tasks

    def posted(self, prompt_id: PromptId) -> None:
        """Note that the POST of a task leaves now."""
        self._posted_at[prompt_id] = self._context.ports.clock.steady()

    def age_of(self, prompt_id: PromptId) -> float | None:
        """The seconds since an unfinished task was sent, by a clock that is never set; None if not by this page."""
        posted_at = self._posted_at.get(prompt_id)
        return None if posted_at is None else self._context.ports.clock.steady() - posted_at

    def show_progress(self, progress: Progress) -> None:
        """Show how far a running task is; the caller reports a move."""
        self._progress[progress.prompt_id] = progress

    def show_preview(self, prompt_id: PromptId, preview: Preview) -> None:
        """Show the latest preview of a running task; the caller reports a move."""
        self._previews[prompt_id] = preview

    def set_stillness(self, prompt_id: PromptId, stillness: Stillness) -> None:
        """Note for how long a task has not moved."""
        self._stillness[prompt_id] = stillness

    @property
    def stalled(self) -> frozenset[PromptId]:
        """The tasks that have not moved for longer than is normal on their server."""
        return self._stalled

    def set_stalled(self, stalled: frozenset[PromptId]) -> None:
        """Show these tasks, and no others, as stalled."""
        if stalled != self._stalled:
            self._stalled = stalled
            self._context.changed()

    def keep_stillness(self, unfinished: Iterable[PromptId]) -> None:
        """Forget the stillness of all other tasks."""
        for prompt_id in self._stillness.keys() - set(unfinished):
            del self._stillness[prompt_id]

    def forget(self, prompt_id: PromptId) -> None:
        """Forget what is shown only while a task is unfinished."""
        for known in (self._progress, self._previews, self._stillness, self._posted_at):
            known.pop(prompt_id, None)
        self._stalled -= {prompt_id}

    # Servers

    def notice(self, server_id: ServerId, sign: RestartSign) -> None:
        """Show that a server was restarted, has lost its history, or was replaced: the latest of these."""
        self._noticed[server_id] = Noticed(sign, self._context.ports.clock.now())

    def socket(self, window_id: WindowId | None) -> SocketFacts:
        """The socket of a window."""
        return self._sockets.get(window_id, SocketFacts()) if window_id is not None else SocketFacts()

    def set_socket(self, window_id: WindowId, facts: SocketFacts) -> None:
        """Note how the socket of a window is."""
        self._sockets[window_id] = facts

    def visit(self, task: Task) -> None:
        """Hold a run that only its server knows."""
        self._visited[task.prompt_id] = task
        if len(self._visited) > MOST_VISITED:
            del self._visited[next(iter(self._visited))]
