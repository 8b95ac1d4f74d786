"""The drawer of the scripting console. Its body is `static/js/scripting.js`'s: `data-kept` keeps patches out of it."""

from __future__ import annotations

import json

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import icon, icon_button
from app.ui.scripting.actions import EXAMPLES, ScriptingDialog


def scripting(_view: ScriptingDialog, _: Translator) -> h.Element:
    """The open drawer."""
    return h.dialog(
        ".dialog.drawer.scripting",
        data_modal="",
        id="scripting-dialog",
        aria_labelledby="scripting-title",
        data_testid="scripting-panel",
    )[
        h.div(".drawer-head")[
            h.h2(id="scripting-title")[_("Scripting")],
            icon_button(_("Close"), "close-dialog", "close", testid="close-scripting"),
        ],
        h.div(
            ".script-body",
            id="script-body",
            data_scripting="",
            data_kept=f"scripting {_.language}",
            data_words=json.dumps(_words(_), ensure_ascii=False),
        )[_about(_), _editor(_), _tools(_), _output(_)],
    ]  # fmt: skip


def _words(_: Translator) -> dict[str, str]:
    """What is told while scripts are run; `{…}` are filled in there."""
    return {
        "starting": _("Python starts …"),
        "ready": _("Python is ready."),
        "running": _("The script runs. It goes on when this drawer is closed."),
        "stopping": _("The script is being stopped …"),
        "done": _("Done in {seconds} s."),
        "failed": _("Ended with an error after {seconds} s."),
        "stopped": _("Stopped after {seconds} s. Its variables are still there."),
        "ended": _("The script did not listen, so Python was started anew. Its variables are gone."),
        "restarted": _("Python was started anew. All variables are gone."),
        "broken": _("Python could not start here. Check that the server of this page runs, then start Python anew."),
        "dropped": _("Earlier output was let go of."),
        "unread": _("The example could not be read: the server of this page does not answer."),
        "run": _("Run {number}"),
    }


def _about(_: Translator) -> h.Element:
    return h.p(".quiet.script-about", id="script-about")[
        _(
            "Your own Python, beside this window: “mooring” does what you can do here, “requests” reaches this address"
            " and no other. The script is remembered by this tab only."
        )
    ]


def _editor(_: Translator) -> h.Element:
    return h.div(".script-editor")[
        h.div(".script-insert")[
            h.label(".script-label", for_="script-source")[_("Script")],
            h.label(".visually-hidden", for_="script-example")[_("Example")],
            h.span(".select")[
                h.select(id="script-example", autocomplete="off")[
                    (h.option(value=name)[_example(name, _)] for name in EXAMPLES)
                ],
                icon("chevron"),
            ],
            h.button(".button.is-small", type="button", data_script="insert", data_testid="script-insert")[
                icon("plus"), h.span[_("Insert")]
            ],
        ],
        h.textarea(
            id="script-source",
            rows="10",
            wrap="off",
            autofocus=True,
            spellcheck="false",
            autocomplete="off",
            autocapitalize="off",
            translate="no",
            aria_describedby="script-about script-keys",
            placeholder="import mooring\n\nawait mooring.fleet()",
            data_testid="script-source",
        ),
        h.p(".visually-hidden", id="script-keys")[
            _("Ctrl or Command and Enter runs the script; with ] or [ it moves the line to the right or to the left.")
        ],
    ]  # fmt: skip


def _example(name: str, _: Translator) -> str:
    known = {
        "servers": _("List the servers"),
        "seeds": _("Run a workflow with three seeds, and wait"),
        "result": _("Save the latest result as a file"),
        "queue_requests": _("A server's queue, with requests"),
        "queue_urllib": _("The same with urllib"),
    }
    return known[name]


def _tools(_: Translator) -> h.Element:
    return h.div(".script-tools")[
        h.button(
            ".button.is-primary", type="button", data_script="run", data_testid="script-run",
            aria_keyshortcuts="Control+Enter Meta+Enter",
        )[
            icon("run"),
            h.span[_("Run")],
            h.kbd(aria_hidden="true", translate="no")[
                h.span(".key-control")["Ctrl ↵"], h.span(".key-command")["⌘ ↵"]
            ],
        ],
        h.button(
            ".button", type="button", data_script="stop", data_testid="script-stop", aria_disabled="true"
        )[icon("stop"), h.span[_("Stop")]],
        h.p(".script-status.quiet", id="script-status", role="status", data_testid="script-status"),
        h.span(".script-more")[
            _small("restart", "retry", _("Start Python anew")), _small("clear", "trash", _("Clear the output"))
        ],
    ]  # fmt: skip


def _small(name: str, icon_name: str, label: str) -> h.Element:
    told = {"aria-label": label, "title": label}
    return h.button(".button.icon-only", told, type="button", data_script=name, data_testid=f"script-{name}")[
        icon(icon_name)
    ]


def _output(_: Translator) -> h.Element:
    """The output is no live region: it can be a flood. How a script has ended is told by the status."""
    return h.div(
        ".script-output",
        id="script-output",
        role="region",
        tabindex="0",
        aria_label=_("Output"),
        translate="no",
        data_testid="script-output",
        data_empty=_("What a script prints, its last value and its errors stand here."),
    )
