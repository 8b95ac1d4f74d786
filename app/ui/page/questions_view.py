"""The questions before something that cannot be taken back: giving up, running twice, trusting another address."""

from __future__ import annotations

import htpy as h

from app.core.model import TaskState, Unreadable
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, own
from app.ui.runs.offers import may_run_twice
from app.ui.runs.state import CardView


def give_up(card: CardView, _: Translator) -> h.Element:
    """Before a task is given up."""
    server = card.tag.name
    return _question(
        _("Give this task up?"),
        h.p[_("Mooring stops watching it, and this window no longer waits for {server}.", server=server)],
        h.p[_("It is not stopped there: {server} may still run it, and its result stays there.", server=server)],
        h.p(".quiet")[_("To stop it, use Cancel instead. Giving up is meant for a server that will not come back.")],
        stay=_("Keep it"),
        go=action_button(
            _("Give up"), "give-up", class_="is-danger", prompt_id=card.task.prompt_id, testid="confirm-give-up"
        ),
        testid="give-up-dialog",
    )


def give_up_record(record: Unreadable, _: Translator) -> h.Element:
    """Before a record that cannot be read is deleted."""
    server = record.server_id
    return _question(
        _("Give this task up?"),
        h.p[_("Its record is deleted from this browser with the results that are kept here.")],
        h.p[
            _("It is not stopped: {server} may still run it, and its result stays there.", server=server)
            if server
            else _("It is not stopped: a server may still run it, and its result stays there.")
        ],
        record.is_newer and h.p(".quiet")[_("Reload the page instead to have a newer version read it.")],
        stay=_("Keep it"),
        go=action_button(
            _("Give up"), "give-up", class_="is-danger", prompt_id=record.prompt_id, testid="confirm-give-up"
        ),
        testid="give-up-dialog",
    )


def run_again(card: CardView, _: Translator, *, is_elsewhere: bool) -> h.Element:
    """Before a task that may still run is run once more."""
    told = (
        (
            h.p[_("A new task with the same inputs goes to the one of the others that should be done first.")],
            h.p[
                _(
                    "This one is given up: if {server} still runs it, it runs twice, and its result stays there.",
                    server=card.tag.name,
                )
            ],
        )
        if is_elsewhere
        else (
            h.p[_("A new task with the same inputs is sent. The one that there is stays as it is.")],
            may_run_twice(card.task) and h.p[_twice(card, _)],
        )
    )
    return _question(
        _("Run it on another server?") if is_elsewhere else _("Run it again?"),
        *told,
        stay=_("Not now"),
        go=action_button(
            _("Run elsewhere") if is_elsewhere else _("Run again"),
            "run-again",
            class_="is-primary",
            elsewhere="true" if is_elsewhere else "false",
            prompt_id=card.task.prompt_id,
            testid="confirm-run-again",
        ),
        testid="run-again-dialog",
    )


def _twice(card: CardView, _: Translator) -> str:
    if card.task.state is TaskState.UNCLEAR:
        return _(
            "Nobody knows yet whether {server} has taken the first one. If it has, it runs twice.", server=card.tag.name
        )
    return _("{server} may still run the first one, so it may run twice.", server=card.tag.name)


def same_server(card: CardView, present: str, _: Translator) -> h.Element:
    """Before another address is trusted to be the server that has a task."""
    name = card.tag.name
    return _question(
        _("Is it the same server?"),
        h.p[
            _("The fleet has another address for {server} than the one that this work was sent to.", server=name)
        ],
        h.dl(".addresses")[
            h.div[h.dt[_("Sent to")], h.dd[own(card.task.address)]],
            h.div[h.dt[_("Now")], h.dd[own(present)]],
        ],
        h.p[
            _(
                "If it is the very same ComfyUI, all of this window's work with it goes on. If it is another one, this"
                " work is looked for there in vain and counts as lost."
            )
        ],
        stay=_("Not now"),
        go=action_button(
            _("It is the same server"),
            "confirm-same-server",
            class_="is-primary",
            prompt_id=card.task.prompt_id,
            testid="confirm-same-server",
        ),
        testid="same-server-dialog",
    )  # fmt: skip


def _question(title: str, *content: h.Node, stay: str, go: h.Node, testid: str) -> h.Element:
    """A dialog that begins at the button which changes nothing."""
    return h.dialog(".dialog.ask", data_modal="", id="ask", aria_labelledby="ask-title", data_testid=testid)[
        h.h2(id="ask-title")[title],
        content,
        h.div(".dialog-actions")[
            h.button(".button", type="button", data_action="close-dialog", autofocus=True)[stay], go
        ],
    ]
