"""The commands of the form."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.form.state import FormView
from app.ui.kit.commands import Command, Group, Manner, jump
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState


def form_commands(page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    form = page.of(FormView)
    yield jump("form", _("New work"))
    if form.chosen is None or not form.is_searchable:
        yield Command("search", _("Search the library"), Group.WORKFLOWS, "search", "open-library")
    else:
        yield Command("search", _("Search all inputs"), Group.FORM, "search", "form-search", manner=Manner.JUMP)
    if form.chosen is None:
        return
    yield Command("presets", _("Presets"), Group.FORM, "preset", "open-presets", terms="save values")
    if form.can_undo:
        yield Command("undo", _("Undo"), Group.FORM, "undo", "undo")
    if form.can_redo:
        yield Command("redo", _("Redo"), Group.FORM, "redo", "redo")
    arrange = _("Leave the form as it is now") if form.is_arranging else _("Arrange the form")
    yield Command("arrange", arrange, Group.FORM, "arrange", "arrange")
    if form.is_arranging:
        yield Command("arrange-reset", _("The form as it was"), Group.FORM, "retry", "arrange-reset")
