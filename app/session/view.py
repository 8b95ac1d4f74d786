"""What there is to see of a session: its window, its fleet, its clicks, what is kept, what others left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.core.errors import MooringError, StorageError
from app.core.eta import Outlook
from app.core.model import Fleet, PromptId, ServerId, Task
from app.core.ports.windows import Identity
from app.core.progress import Progress
from app.core.window import Restoring, Window
from app.session.delivery.results import Results
from app.session.facts import Noticed, Preview, Run, SocketFacts
from app.session.salvage import Orphan, OrphanRecord, Salvage
from app.session.state import State
from app.session.watching.forecast import Forecast


class SessionView:
    """See the module. Nothing of it changes anything."""

    def __init__(self, state: State, results: Results, salvage: Salvage, forecast: Forecast) -> None:
        self._state = state
        self._forecast = forecast
        self._results = results
        self._salvage = salvage

    @property
    def window(self) -> Restoring | Window | None:
        """The aggregate; None until the window knows who it is."""
        return self._state.window

    @property
    def identity(self) -> Identity | None:
        """Who this window is, once it knows."""
        return self._state.identity

    @property
    def fleet(self) -> Fleet:
        """The servers, as the gateway last told."""
        return self._state.fleet

    @property
    def fleet_error(self) -> MooringError | None:
        """Why the fleet is not known."""
        return self._state.fleet_error

    @property
    def store_error(self) -> StorageError | None:
        """Why the store could not be read or written the last time."""
        return self._state.store_error

    @property
    def progress(self) -> Mapping[PromptId, Progress]:
        """How far each running task is, as far as the socket told."""
        return self._state.progress

    @property
    def previews(self) -> Mapping[PromptId, Preview]:
        """The latest preview of each running task."""
        return self._state.previews

    def outlook(self, task: Task) -> Outlook:
        """When one of this window's tasks will have ended or, if it waits, begin; nothing where nobody can say."""
        return self._forecast.outlook(task)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Clicks on Run that are under way, and failed ones until they are dismissed."""
        return tuple(self._state.runs.values())

    @property
    def has_loose_ends(self) -> bool:
        """Whether something would be lost if this page went away now; never merely because tasks run."""
        return self._state.loose_ends.any(self.runs, self.store_error)

    @property
    def results(self) -> Results:
        """What is kept of results in this browser, and how much."""
        return self._results

    @property
    def socket(self) -> SocketFacts:
        """The window's socket."""
        return self._state.socket

    @property
    def stalled(self) -> frozenset[PromptId]:
        """The tasks that have not moved for longer than is normal on their server; a warning, no end."""
        return self._state.stalled

    def still_for(self, prompt_id: PromptId) -> float:
        """Seconds for which that task was looked at without having moved."""
        stillness = self._state.stillness.get(prompt_id)
        return stillness.still_for if stillness else 0.0

    @property
    def noticed(self) -> Mapping[ServerId, Noticed]:
        """By server: that it was restarted, lost its history, or is another one now."""
        return self._state.noticed

    @property
    def orphans(self) -> tuple[Orphan, ...]:
        """Work of windows that are gone, as last found; `adopt` takes one in."""
        return self._salvage.orphans

    @property
    def orphan_records(self) -> tuple[OrphanRecord, ...]:
        """Records of windows that are gone which cannot be read; `give_up` deletes one."""
        return self._salvage.records

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; the returned function ends it."""
        return self._state.subscribe(listener)
