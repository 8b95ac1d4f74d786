"""From the session and the page's own state to the page as values: the parts of all features. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.core.model import PromptId
from app.ui.kit.commands import Command, in_order
from app.ui.kit.feature import OpenDialog
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.kit.state import UiState
from app.ui.page.features import FEATURES

DIALOGS = {item.kind: item for feature in FEATURES for item in feature.dialogs}
OPENINGS = {item.opens: item.kind for item in DIALOGS.values() if item.opens}
MOVEMENTS = [item for feature in FEATURES for item in feature.movements]


def _open_dialog(page: Projection) -> OpenDialog:
    """Return the open dialog; empty without one, or if its subject is gone."""
    dialog = page.ui.dialog
    if dialog is None or (kind := DIALOGS.get(type(dialog))) is None:
        return OpenDialog()
    view = kind.view(dialog, page)
    return OpenDialog(view, kind.draw, kind.follows_progress) if view is not None else OpenDialog()


MAKERS: Mapping[type, Callable[[Projection], object]] = {
    **{part.kind: part.make for feature in FEATURES for part in feature.parts},
    OpenDialog: _open_dialog,
}


def project(
    session: SessionFacts,
    ui: UiState,
    pictures: Pictures,
    *given: object,
    language: str = "en",
    word: Callable[[str], str] = str,
) -> PageView:
    """Return the page to draw. `given` are the parts that are no function of the session and the state."""
    return Projection(MAKERS, session, ui, pictures, given, language=language, word=word).view()


def _offered(page: Projection | PageView, ui: UiState, _: Translator) -> Iterator[Command]:
    for feature in FEATURES:
        for kind in feature.dialogs:
            if kind.command is not None:
                yield kind.command(_)
        for make in feature.commands:
            yield from make(page, ui, _)


def commands(page: Projection | PageView, ui: UiState, _: Translator) -> tuple[Command, ...]:
    """Return what can be done there now, of all features, in the order of the list."""
    return in_order(_offered(page, ui, _))


def running(view: PageView) -> list[PromptId]:
    """Return the tasks whose progress moves on the page."""
    return [prompt_id for item in MOVEMENTS for prompt_id in item.running(view)]


def with_progress(view: PageView, prompt_id: PromptId, session: SessionFacts, pictures: Pictures) -> PageView:
    """Return the page with the present progress and preview of one task, and all else as it was."""
    for item in MOVEMENTS:
        view = view.with_parts(item.move(view, prompt_id, session, pictures))
    return view
