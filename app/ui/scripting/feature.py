"""The scripting console, as a dialog."""

from __future__ import annotations

from app.ui.kit.feature import Feature, Service, itself, plain_dialog
from app.ui.scripting.actions import ScriptingActions, ScriptingDialog
from app.ui.scripting.panel_html import scripting

FEATURE = Feature(
    dialogs=(plain_dialog(ScriptingDialog, scripting),),
    services=(Service(ScriptingActions, lambda services: ScriptingActions(services.page), itself),),
)
