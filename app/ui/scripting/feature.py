"""The scripting console, as a dialog."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.kit.commands import Command, Group
from app.ui.kit.feature import Feature, Service, itself, plain_dialog
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState
from app.ui.scripting.actions import ScriptingActions, ScriptingDialog
from app.ui.scripting.panel_html import scripting


def _commands(_page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    title = _("Scripting")
    yield Command("scripting", title, Group.GO, "terminal", "open-scripting", terms="python console requests")


FEATURE = Feature(
    commands=(_commands,),
    dialogs=(plain_dialog(ScriptingDialog, scripting, opens="open-scripting"),),
    services=(Service(ScriptingActions, lambda services: ScriptingActions(services.page), itself),),
)
