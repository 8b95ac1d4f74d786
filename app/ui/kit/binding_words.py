"""Messages about actions that were refused to keep a promise; one function per error class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from app.core.errors import (
    AffinityError,
    InvalidTransition,
    NoServerAvailable,
    NotOwner,
    NotYourTurn,
    ServerLockedError,
    ServerMoved,
    ServerUnable,
    StillRestoring,
    TaskNotFound,
    UnboundTask,
    UnreadableRecord,
)
from app.ui.kit.cause_words import word_cause, word_server
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words, word_list


def word_affinity(error: AffinityError, _: Translator) -> Words:
    match error:
        case StillRestoring():
            return _restoring(_)
        case ServerLockedError():
            return _locked(error, _)
        case TaskNotFound():
            return _not_found(error, _)
        case UnboundTask():
            return _unbound(error, _)
        case NotOwner():
            return _not_owner(_)
        case ServerMoved():
            return _moved(error, _)
        case ServerUnable():
            return _unable(error, _)
        case NoServerAvailable():
            return _no_server(error, _)
        case NotYourTurn():
            return _not_your_turn(error, _)
        case UnreadableRecord():
            return _unreadable(error, _)
        case InvalidTransition():
            return Words(
                _("That step is not possible from here."),
                _("Nothing was changed. Reload the page if this stays."),
                error.detail,
            )
    return Words(_("That would break a promise, so nothing was done."), _("Reload the page if this stays."))


def _not_your_turn(error: NotYourTurn, _: Translator) -> Words:
    server = word_server(error.server_id, _)
    return Words(
        _("Two of your runs are ahead on {server} already.", server=server),
        _("What waits in this window is paused, so this run could not wait with it. Resume it, then press Run again.")
        if error.is_held
        else _("It is sent when its turn comes."),
        tone=Tone.WARN,
    )


def _restoring(_: Translator) -> Words:
    return Words(
        _("This window is still reading its own records."),
        _("Wait a moment; Run is possible as soon as it is done."),
        tone=Tone.WARN,
    )


def _locked(error: ServerLockedError, _: Translator) -> Words:
    locked, asked = word_server(error.locked, _), word_server(error.asked, _)
    return Words(
        _("This window uses {locked}; nothing goes to {asked}.", locked=locked, asked=asked),
        _("Wait until its work has ended, or open another window for the other server."),
        tone=Tone.WARN,
    )


def _not_found(error: TaskNotFound, _: Translator) -> Words:
    return Words(
        _("This window has no such task."),
        _("It may have been removed, or it belongs to another window."),
        str(error.prompt_id or ""),
    )


def _unbound(error: UnboundTask, _: Translator) -> Words:
    return Words(
        _("The task's record names no server."),
        _("Nothing is sent for it anywhere. It can be removed from the list."),
        str(error.prompt_id or ""),
    )


def _not_owner(_: Translator) -> Words:
    return Words(
        _("Another window owns this task now."),
        _("See it there. This window no longer tracks it."),
        tone=Tone.WARN,
    )


def _moved(error: ServerMoved, _: Translator) -> Words:
    return Words(
        _("{server} has another address now than when the work was sent.", server=word_server(error.server_id, _)),
        _("Nothing is sent there. Restore the old address in the fleet, or give the task up."),
        " → ".join(filter(None, (error.recorded, error.present))),
    )


def _unable(error: ServerUnable, _: Translator) -> Words:
    return Words(
        _("This window uses {server}, which cannot run this.", server=word_server(error.server_id, _)),
        _("Nothing was sent. Wait until its work there has ended, or open another window for this."),
        _named(word_cause(error.cause, _), error.lacking, _),
        Tone.WARN,
    )


def _named(cause: str, lacking: Sequence[str], _: Translator) -> str:
    """Return the cause, with the names of missing things if something is missing."""
    return f"{cause} ({word_list(lacking, _)})" if lacking else cause


def _no_server(error: NoServerAvailable, _: Translator) -> Words:
    servers: defaultdict[str, list[str]] = defaultdict(list)
    for server_id, cause in error.causes.items():
        servers[_named(word_cause(cause, _), error.lacking.get(server_id, ()), _)].append(server_id)
    causes = "; ".join(f"{', '.join(names)}: {cause}" for cause, names in servers.items())
    if error.causes and set(error.causes.values()) == {"lacks"}:
        return Words(
            _("No server can run this workflow."),
            _("Nothing was sent. Install what is missing on one of them, and press Run again."),
            causes,
        )
    return Words(
        _("No server can take the work now."),
        _("Nothing was sent. Start a server, or wait until one answers, and press Run again."),
        causes,
    )


def _unreadable(error: UnreadableRecord, _: Translator) -> Words:
    named = f"{error.prompt_id} → {error.server_id}" if error.server_id else str(error.prompt_id or "")
    quote = " · ".join(filter(None, (named, error.detail)))
    if error.is_newer:
        return Words(
            _("A newer version of Mooring has written a stored task that this page cannot read."),
            _("Nothing was sent, for that task may still run. Reload this page to read it."),
            quote,
            Tone.WARN,
        )
    return Words(
        _("A stored task that may belong to this window cannot be read."),
        _("Nothing was sent, for that task may still run on a server. Stop tracking it to continue."),
        quote,
        Tone.WARN,
    )
