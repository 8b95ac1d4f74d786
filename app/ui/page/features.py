"""The features of the page, in the order of their regions: the one list of them."""

from __future__ import annotations

from app.ui.commands.feature import FEATURE as COMMANDS
from app.ui.fleet.feature import FEATURE as FLEET
from app.ui.form.feature import FEATURE as FORM
from app.ui.graph.feature import FEATURE as GRAPH
from app.ui.header.feature import FEATURE as HEADER
from app.ui.library.feature import FEATURE as LIBRARY
from app.ui.links.feature import FEATURE as LINKS
from app.ui.notices.feature import FEATURE as NOTICES
from app.ui.results.feature import FEATURE as RESULTS
from app.ui.runs.feature import FEATURE as RUNS
from app.ui.scripting.feature import FEATURE as SCRIPTING
from app.ui.settings.feature import FEATURE as SETTINGS
from app.ui.tray.feature import FEATURE as TRAY
from app.ui.windows.feature import FEATURE as WINDOWS
from app.ui.words.feature import FEATURE as WORDS

FEATURES = (
    HEADER,
    NOTICES,
    TRAY,
    FORM,
    LIBRARY,
    LINKS,
    WORDS,
    RUNS,
    GRAPH,
    RESULTS,
    WINDOWS,
    FLEET,
    SETTINGS,
    COMMANDS,
    SCRIPTING,
)
