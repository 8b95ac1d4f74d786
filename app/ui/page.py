"""The page: follows the session and the person, and patches what is different, at most once per frame."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from app.core.ports import Blob
from app.session import Session
from app.ui import drafts
from app.ui.actions import Actions
from app.ui.gallery import Gallery
from app.ui.i18n import Translator
from app.ui.projection import project
from app.ui.regions import changed_regions, live_words, page_icon, page_title
from app.ui.samples import Key, Sample
from app.ui.screen import Facts, Screen
from app.ui.state import PageView, UiState

log = logging.getLogger("mooring.ui")


class Page:
    """One window's page. `translators(language)` gets the words of a language, `read_input(sha256)` a kept picture."""

    def __init__(
        self,
        session: Session,
        screen: Screen,
        samples: tuple[Sample, ...],
        *,
        translators: Callable[[str], Awaitable[Translator]],
        random_seed: Callable[[int], int],
        read_input: Callable[[str], Awaitable[Blob | None]],
    ) -> None:
        self._session = session
        self._screen = screen
        self._samples = samples
        self._translators = translators
        self._read_input = read_input
        self._background: set[asyncio.Task[None]] = set()
        self._translator: Translator | None = None
        self._shown: PageView | None = None
        self._told: dict[str, str] = {}
        self._is_due = False
        self._ui = drafts.load(screen.recall(drafts.STORE_KEY), samples)
        self._gallery = Gallery(session, screen, self.spawn, self.request)
        self._actions = Actions(session, self, screen, samples, random_seed)

    @property
    def ui(self) -> UiState:
        """The person's own part."""
        return self._ui

    def set_ui(self, ui: UiState) -> None:
        """Change the person's own part; what was typed is remembered at once."""
        is_typed = (ui.sample_id, ui.drafts) != (self._ui.sample_id, self._ui.drafts)
        self._ui = ui
        if is_typed:
            self._screen.remember(drafts.STORE_KEY, drafts.dump(ui))
        self.request()

    async def start(self, language: str) -> None:
        """Draw for the first time, and follow the session from now on."""
        await self.speak(language)
        self._session.subscribe(self.request)
        self.draw()
        self.spawn(self._actions.recover(self._read_input))

    async def speak(self, language: str) -> None:
        """Change the language of the whole page."""
        self._translator = await self._translators(language)
        self._shown = None
        self._told = {}
        self.request()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; held until done, and an error is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an action ended: %r", error, exc_info=error)

    # What the person does

    def act(self, name: str, facts: Facts) -> None:
        """A click on `data-action`, or its key."""
        self._actions.act(name, facts)

    def change(self, name: str, facts: Facts) -> None:
        """A new choice in `data-change`."""
        self._actions.change(name, facts)

    def type(self, name: str, facts: Facts) -> None:
        """Something typed in `data-input`."""
        self._actions.type(name, facts)

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]]) -> None:
        """Files dropped, pasted or chosen."""
        self._actions.take_files(key, files)

    # What is shown

    def request(self) -> None:
        """Draw soon: many changes become one patch."""
        if not self._is_due:
            self._is_due = True
            self._screen.schedule(self.draw)

    def draw(self) -> None:
        """Patch the regions whose slices have changed."""
        self._is_due = False
        if self._translator is None:
            return
        _ = self._translator
        self._gallery.refresh()
        view = project(
            self._session, self._ui, samples=self._samples, pictures=self._gallery, language=_.language
        )  # fmt: skip
        change: dict[str, object] = {}
        if regions := changed_regions(self._shown, view, _):
            change["regions"] = regions
        told = {
            "title": page_title(view, _),
            "icon": page_icon(view),
            "live": live_words(view, _),
            "lang": "en" if _.language == "pseudo" else _.language,
        }
        change |= {name: value for name, value in told.items() if self._told.get(name) != value}
        self._shown, self._told = view, told
        if change:
            self._screen.update(change)
