"""The texts of the scripting console."""

from __future__ import annotations

import json

from app.ui.kit.i18n import Translator


def script_words(_: Translator) -> str:
    """Return the texts shown while scripts run, as JSON; `static/js/scripting.js` fills in `{…}`."""
    words = {
        "starting": _("Python starts …"),
        "ready": _("Python is ready."),
        "running": _("The script runs. It goes on when this drawer is closed."),
        "stopping": _("The script is being stopped …"),
        "done": _("Done in {seconds} s."),
        "failed": _("Ended with an error after {seconds} s."),
        "stopped": _("Stopped after {seconds} s. Its variables are still there."),
        "ended": _("The script did not react, so Python was restarted. Its variables are gone."),
        "restarted": _("Python was restarted. All variables are gone."),
        "broken": _("Python could not start here. Check that the server of this page runs, then restart Python."),
        "dropped": _("Earlier output was dropped."),
        "unread": _("The example could not be read: the server of this page does not answer."),
        "run": _("Run {number}"),
    }
    return json.dumps(words, ensure_ascii=False)


def word_example(name: str, _: Translator) -> str:
    known = {
        "servers": _("List the servers"),
        "seeds": _("Run a workflow with three seeds, and wait"),
        "result": _("Save the latest result as a file"),
        "queue_requests": _("A server's queue, with requests"),
        "queue_urllib": _("The same with urllib"),
    }
    return known[name]
