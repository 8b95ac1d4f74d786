"""Which workflow is chosen when the page begins, and when the chosen one is gone or cannot run here."""

from __future__ import annotations

from app.session import Session
from app.ui.form.catalogues import FormCatalogues
from app.ui.form.changes import with_chosen
from app.ui.form.context import workflows_on
from app.ui.form.state import FormState
from app.ui.kit.services import Frame
from app.ui.library.library import Library
from app.ui.library.listing import can_run
from app.ui.library.opening import Opener


class Chooser:
    """Chooses a workflow for the user, as long as nothing was typed."""

    def __init__(
        self, session: Session, page: Frame, library: Library, opener: Opener, catalogues: FormCatalogues
    ) -> None:
        self._session = session
        self._page = page
        self._library = library
        self._opener = opener
        self._catalogues = catalogues

    def follow_workflows(self) -> None:
        """Follow a change of the open workflows."""
        self._choose_something()
        self.leave_impossible()

    def leave_impossible(self) -> None:
        """Choose another workflow if this fleet cannot run the chosen one, and nothing was typed into it."""
        form, fleet = self._page.ui.of(FormState), self._session.fleet
        if form.workflow_id in form.drafts:
            return
        chosen = (item for item in workflows_on(self._page) if item.workflow_id == form.workflow_id)
        if any(not can_run(item, fleet) for item in chosen):
            self._choose_first()

    async def begin(self, chosen: str) -> None:
        """Read the library, and choose what was chosen before Python was up, or something."""
        await self._library.refresh()
        if not self._session.fleet.workflows:
            self._choose_something()
        if chosen:
            self._opener.choose(chosen)

    async def know_form(self) -> None:
        """Read what the chosen workflow's form is made from."""
        await self._session.until_fleet()
        if self._session.fleet.source:
            await self._library.refresh_published(self._session.fleet.workflows)
        self.follow_workflows()
        await self._opener.open_now()
        await self._catalogues.read_now()

    def _choose_something(self) -> None:
        """Choose the first workflow if the chosen one is gone."""
        chosen = self._page.ui.of(FormState).workflow_id
        if not self._opener.knows(chosen) and all(item.workflow_id != chosen for item in workflows_on(self._page)):
            self._choose_first()

    def _choose_first(self) -> None:
        """Choose the first workflow that can run here, or the first one."""
        offered = workflows_on(self._page)
        possible = [item for item in offered if can_run(item, self._session.fleet)]
        first = next(iter([*possible, *offered]), None)
        workflow_id = first.workflow_id if first is not None else ""
        if workflow_id != self._page.ui.of(FormState).workflow_id:
            self._page.adjust(with_chosen(self._page.ui, workflow_id))
