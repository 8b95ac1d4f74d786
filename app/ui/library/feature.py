"""The library of workflows, as a dialog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState
from app.ui.kit.feature import DialogKind, Feature
from app.ui.kit.projection import Projection
from app.ui.library.library_html import library
from app.ui.library.listing import library_view
from app.ui.library.state import LibraryDialog, LibraryView
from app.ui.words.state import WordsState, words_view


@dataclass(frozen=True, slots=True)
class LibraryPictures:
    """The addresses of the pictures of workflows, by their names."""

    url: Callable[[str], str] = lambda _name: ""


def _library(dialog: LibraryDialog, page: Projection) -> LibraryView:
    ui, stock = page.ui, page.of(LibraryEntries)
    chosen, pictures = ui.of(FormState).workflow_id, page.of(LibraryPictures)
    view = library_view(dialog, stock, page.session.fleet, chosen, pictures.url)
    return replace(view, words=words_view(ui.of(WordsState), dialog.query, ui.hidden))


FEATURE = Feature(dialogs=(DialogKind(LibraryDialog, _library, library),))
