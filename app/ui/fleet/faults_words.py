"""Texts of *Break it*: what each fault does, what should be seen then, and which faults are active."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.fleet.faults import FaultyServer
from app.ui.kit.i18n import Translator
from wire.faults import Fault, FaultPart


@dataclass(frozen=True, slots=True)
class Story:
    """One fault: its button, what it does, and what should be seen."""

    button: str
    does: str
    shows: str


def word_part(part: FaultPart, _: Translator) -> str:
    """Return the heading over the faults of one part."""
    match part:
        case FaultPart.PROCESS:
            return _("The server itself")
        case FaultPart.SUBMIT:
            return _("Its answer to the next Run")
        case FaultPart.SOCKET:
            return _("Its live connections")
        case FaultPart.OTHERS:
            return _("Another user of the server")


def word_story(fault: Fault, _: Translator) -> Story:
    match fault:
        case Fault.KILL | Fault.RESTART | Fault.HANG | Fault.DEAD_WORKER:
            return _process_story(fault, _)
        case Fault.DROP_SOCKETS | Fault.REFUSE_SOCKETS | Fault.DEAF:
            return _socket_story(fault, _)
        case Fault.CLEAR_HISTORY:
            return Story(
                _("Clear the history"),
                _("The server forgets everything that it has finished."),
                _("Finished tasks keep their pictures: they are kept in this browser."),
            )
        case Fault.OVERWRITE_FILE:
            return Story(
                _("Replace a picture"),
                _("A grey square takes the place of its newest picture, under the same name."),
                _("A picture that was delivered stays on this page as it was."),
            )
    return _submit_story(fault, _)


def _process_story(fault: Fault, _: Translator) -> Story:
    match fault:
        case Fault.KILL:
            return Story(
                _("Kill it"),
                _("Its process ends at once, as in a crash or a power cut."),
                _("Its work cannot be reached and stays with it. Started again, it is asked what it still has."),
            )
        case Fault.RESTART:
            return Story(
                _("Restart it"),
                _("It is back in a moment, without its queue and its history."),
                _("Unfinished work counts as lost after two looks, with the evidence. Finished pictures stay."),
            )
        case Fault.HANG:
            return Story(
                _("Let it hang"),
                _("It takes every connection and answers nothing, while its work goes on."),
                _("The window stays with it and says so. The picture comes when it wakes."),
            )
    return Story(
        _("Stop its worker"),
        _("It accepts work and never begins it."),
        _("The work waits in its queue and is never called failed or lost. With its worker back, it runs."),
    )


def _submit_story(fault: Fault, _: Translator) -> Story:
    match fault:
        case Fault.LOSE_REQUEST:
            return Story(
                _("Lose the request"),
                _("The connection breaks before anything is queued."),
                _("The task is looked up, not sent twice. As it is found nowhere, that is said."),
            )
        case Fault.LOSE_ANSWER:
            return Story(
                _("Lose the answer"),
                _("It is queued, and the connection breaks without an answer."),
                _("The task is looked up and found. It runs once."),
            )
        case Fault.SILENT_ANSWER:
            return Story(
                _("Never answer"),
                _("It is queued, and the answer never comes."),
                _("The task is looked up and found. It runs once."),
            )
        case Fault.QUEUED_500:
            return Story(
                _("Answer with an error"),
                _("It is queued, and the answer is an error (500)."),
                _("The error is not believed: the task is looked up and found. It runs once."),
            )
        case Fault.REFUSE_NEXT:
            return Story(
                _("Refuse the workflow"),
                _("It is not queued, and the answer says so."),
                _("The refusal is shown at once, and the window is free again."),
            )
    return Story(
        _("Hold it back"),
        _("Nothing happens to it until you let it go."),
        _("The window says that it is sending, and stays with this server."),
    )


def _socket_story(fault: Fault, _: Translator) -> Story:
    match fault:
        case Fault.DROP_SOCKETS:
            return Story(
                _("Cut them"),
                _("Every live connection breaks, once."),
                _("The window connects to the same server again. The work goes on."),
            )
        case Fault.REFUSE_SOCKETS:
            return Story(
                _("Refuse new ones"),
                _("No window gets a live connection any more; cut the present ones too."),
                _("The server is asked again and again instead. The picture comes all the same."),
            )
    return Story(
        _("Say nothing"),
        _("They stay open, and nothing comes over them."),
        _("The silence is noticed, and the server is asked instead. The picture comes all the same."),
    )


def word_end(fault: Fault, _: Translator) -> str:
    """Return the label of the button that ends a fault."""
    match fault:
        case Fault.KILL:
            return _("Start it again")
        case Fault.HANG:
            return _("Wake it")
        case Fault.DEAD_WORKER:
            return _("Give it a worker")
        case Fault.REFUSE_SOCKETS:
            return _("Accept them")
        case Fault.DEAF:
            return _("Speak again")
        case Fault.HOLD_NEXT:
            return _("Let it go")
    return _("Take it back")


def word_all_broken(server: FaultyServer, _: Translator) -> str:
    """Return the active faults of a server."""
    return " · ".join(word_broken(fault, _) for fault in server.broken)


def word_broken(fault: Fault, _: Translator) -> str:
    """Return a lasting fault in a word or two, to follow the server's name."""
    match fault:
        case Fault.KILL:
            return _("killed")
        case Fault.HANG:
            return _("hangs")
        case Fault.DEAD_WORKER:
            return _("no worker")
        case Fault.REFUSE_SOCKETS:
            return _("refuses live connections")
        case Fault.DEAF:
            return _("says nothing live")
        case Fault.LOSE_REQUEST:
            return _("loses the next request")
        case Fault.LOSE_ANSWER:
            return _("loses the next answer")
        case Fault.SILENT_ANSWER:
            return _("never answers the next Run")
        case Fault.QUEUED_500:
            return _("answers the next Run with an error")
        case Fault.REFUSE_NEXT:
            return _("refuses the next Run")
        case Fault.HOLD_NEXT:
            return _("holds the next Run back")
    return str(fault.value)
