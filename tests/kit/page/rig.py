"""What a unit test of `app/ui` acts on: a page's surroundings in memory, and the actions under test.

class AlbumRig(Rig):
    def __init__(self) -> None:
        super().__init__("text")
        self.album = AlbumActions(self.session, self.context, self.screen)
        self.table.add(self.album)

await AlbumRig().act("album")
"""

from __future__ import annotations

from collections.abc import Callable

from app.core.errors import MooringError
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import ActionTable
from app.ui.kit.state import UiState
from app.ui.page.projection import OPENINGS
from app.ui.results.actions import ResultsActions
from app.workflows.graph import Key
from tests.kit.page import views
from tests.kit.page.stills import (
    Bytes,
    MemoryContext,
    MemoryScreen,
    Seconds,
    StillPictures,
    StillSession,
    deletions,
    fleet,
    server,
)
from tests.kit.page.views import Seen, project
from tests.kit.page.whole import PageActions
from tests.ports.memory_documents import MemoryDocuments


class Rig:
    """A page's session, context, screen and documents in memory. A subclass adds the actions under test to `table`.

    Deletions are performed immediately, or when the `seconds` that a test gives go.
    """

    def __init__(
        self,
        workflow_id: str = "enlarge",
        *,
        session: StillSession | None = None,
        workflows: tuple[OpenWorkflow, ...] = (),
        context: MemoryContext | None = None,
        screen: MemoryScreen | None = None,
        documents: MemoryDocuments | None = None,
        seconds: Seconds | None = None,
    ) -> None:
        self.session = session or StillSession()
        self.context = context or MemoryContext(workflow_id, workflows)
        self.screen = screen or MemoryScreen()
        self.documents = documents or MemoryDocuments()
        self.seconds = seconds or Seconds()
        if seconds is None:
            self.seconds.go.set()
        self.deletions = deletions(self.context, self.seconds)
        self.table = ActionTable(self.context)

    @property
    def ui(self) -> UiState:
        return self.context.ui

    @ui.setter
    def ui(self, ui: UiState) -> None:
        self.context.ui = ui

    @property
    def draft(self) -> Draft:
        """The values of the chosen workflow's form."""
        return self.ui.of(FormState).draft

    @draft.setter
    def draft(self, draft: Draft) -> None:
        self.ui = self.ui.with_slices(self.ui.of(FormState).with_draft(draft))

    def type(self, key: Key, text: str) -> None:
        self.draft = self.draft.with_value(key, text)

    @property
    def error(self) -> MooringError:
        """The latest error that the page shows."""
        return self.ui.errors[-1][1]

    @property
    def view(self) -> Seen:
        return project(self.session, self.ui, workflows=self.context.workflows, pictures=StillPictures())

    def markup(self, region: str) -> str:
        return views.markup(self.view, region)

    async def act(self, action: str, /, **facts: str) -> None:
        """Perform an action and the work that it begins."""
        self.table.act(action, facts)
        await self.done()

    async def done(self) -> None:
        """Wait for the work in the background."""
        await self.context.done()


class PageRig(Rig):
    """A page with its actions on runs, forms, dialogs, storage and results. Its only server is a demo."""

    def __init__(
        self,
        workflow_id: str = "enlarge",
        *,
        session: StillSession | None = None,
        workflows: tuple[OpenWorkflow, ...] = (),
        seconds: Seconds | None = None,
        random_seed: Callable[[int], int] = lambda limit: limit,
    ) -> None:
        session = session or StillSession(fleet=fleet(server("d", is_demo=True)))
        super().__init__(workflow_id, session=session, workflows=workflows, seconds=seconds)
        self.actions = PageActions(self.session, self.context, self.screen, random_seed, deletions=self.deletions)
        self.actions.add(ResultsActions(self.context, self.screen, lambda _project: None))
        for name, kind in OPENINGS.items():
            self.actions.add_opening(name, kind)
        self.table = self.actions

    async def give(self, *files: tuple[bytes, str], key: Key | None = None) -> None:
        """Drop files on the page, or on the field `key`."""
        self.actions.take_files(key, [(Bytes(data), name) for data, name in files])
        await self.done()
