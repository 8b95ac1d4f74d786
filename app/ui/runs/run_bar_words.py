"""Where a run would go, or why it is not possible now, in words."""

from __future__ import annotations

from app.ui.kit.cause_words import word_cause
from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR
from app.ui.runs.server_picker import FREE, SOONEST, WhereServer, WhereView
from app.ui.runs.state import Blocker, RunView, Sameness


def word_server(name: str, cause: str, _: Translator) -> str:
    """Say why a server cannot be chosen."""
    return _("{server} cannot take it: {cause}", server=name, cause=word_cause(cause, _))


def word_silent(server: str, _: Translator) -> str:
    """Say that the server which holds the window does not answer."""
    return _("{server} does not answer", server=server)


def word_button(view: RunView, _: Translator) -> str:
    """Say what Run does: how many runs, and over how many servers they are spread."""
    if view.instead is not None:
        return _("Run on {server}", server=view.instead.name)
    if view.sameness is Sameness.WHOLE:
        return _("Run {count} identical", count=_.formats.number(view.count))
    return word_start(view.count, view.senders, _)


def word_start(count: int, senders: int, _: Translator) -> str:
    """Say what a button does that starts so many runs, which are spread over so many servers."""
    if count <= 1:
        return _("Run")
    runs, servers = _.formats.number(count), min(count, senders)
    if servers == 1:
        return _("Run {count}", count=runs)
    return _.plural("Run {runs} on {count} server", "Run {runs} on {count} servers", servers, runs=runs)


def word_runs(count: int, _: Translator) -> str:
    """Return what the number counts, to stand below it."""
    return _.plural("run", "runs", count)


def word_stop(view: RunView, _: Translator) -> str:
    """Say what Stop does."""
    if view.stops > 1:
        return _("Stop all {count} runs of this window …", count=_.formats.number(view.stops))
    return _("Stop this run") if view.stops else _("Nothing of this window runs or waits")


def word_choice(server: WhereServer, _: Translator) -> str:
    """Name a server that can be chosen, with the length of its queue."""
    only = _("Only {server}", server=server.name)
    if not server.queue:
        return only
    return f"{only}{SEPARATOR}{_.plural('{count} in its queue', '{count} in its queue', server.queue)}"


def word_run(view: RunView, _: Translator) -> str:
    """Say where a run would go, or why it is not possible."""
    if view.blocker is Blocker.WHERE:
        return word_server(view.where.name, view.where.cause, _)
    if view.blocker is not None:
        return word_blocker(view.blocker, _)
    if view.is_silent and view.tag is not None:
        return word_silent(view.tag.name, _)
    if view.sameness is Sameness.VARIED:
        return _("Seeds vary; the first is yours")
    if view.sameness is Sameness.WHOLE:
        return _("All {count} runs make the same", count=_.formats.number(view.count))
    if view.tag is not None and view.is_bound and view.others:
        return _("Next run: {server}", server=view.tag.name)
    if view.tag is not None and view.is_bound:
        return _("On {server} until done", server=view.tag.name)
    if view.senders > 1 and view.count == 1:
        return _.plural(
            "Waits with the others for {count} server", "Waits with the others for one of {count} servers", view.senders
        )
    if view.senders > 1:
        return _.plural("Spread over {count} server", "Spread over {count} servers", view.senders)
    if view.where.chosen == FREE:
        return _("Waits in this window until a server has nothing to do")
    if view.where.chosen != SOONEST:
        return _("Goes to {server} and to no other", server=view.where.name)
    return _leaning(view.where, _) or _("Goes to the server that should be done first")


def _leaning(where: WhereView, _: Translator) -> str:
    """Name the servers that this window prefers or avoids, if that affects the choice."""
    if where.preferred:
        return _("Goes to {servers}, preferred by this window", servers=", ".join(where.preferred))
    if where.avoided:
        return _(
            "Goes to the server that should be done first, but not to {servers}",
            servers=", ".join(where.avoided),
        )
    return ""


def word_blocker(blocker: Blocker, _: Translator) -> str:
    """Say why Run is not possible, and what makes it possible."""
    match blocker:
        case Blocker.RESTORING:
            return _("Reading this window's records …")
        case Blocker.LOGGED_OUT:
            return _("Not possible: you are logged out. See above.")
        case Blocker.OTHER_USER:
            return _("Not possible: another user is logged in here now. See above.")
        case Blocker.STORE:
            return _("Not possible: the browser's storage does not work. See above.")
        case Blocker.UNREADABLE:
            return _("Not possible: a stored task cannot be read. See above.")
        case Blocker.NO_FLEET:
            return _("Not possible: the list of servers is not known yet.")
        case Blocker.NO_SERVER:
            return _("Not possible: there is no server. See above.")
        case Blocker.NO_WORKFLOW:
            return _("Choose a workflow first")
    return _word_form_blocker(blocker, _) or _unable(blocker, _)


def _word_form_blocker(blocker: Blocker, _: Translator) -> str:
    """Say what in the form itself prevents a run."""
    match blocker:
        case Blocker.OPENING:
            return _("Reading the rest of the workflow …")
        case Blocker.CHECKING:
            return _("Reading the file …")
        case Blocker.NO_PICTURE:
            return _("Put a picture in first")
        case Blocker.NO_FILE:
            return _("Put the missing file in first")
        case Blocker.PICTURE_GONE:
            return _("Put the picture in again")
        case Blocker.FILE_GONE:
            return _("Put the file in again")
        case Blocker.BAD_VALUE:
            return _("Correct the marked field first")
    return ""


def _unable(blocker: Blocker, _: Translator) -> str:
    """Say why the workflow cannot run where it would have to."""
    match blocker:
        case Blocker.WHERE:
            return _("Choose another server first")
        case Blocker.NEEDS_DEMO:
            return _("This workflow needs a demo server; this fleet has none.")
        case Blocker.MOORED_WITHOUT_DEMO:
            return _("This window uses a server that cannot run this workflow. Open another window for it.")
        case Blocker.MOORED_UNABLE:
            return _(
                "This window uses a server that lacks what this workflow needs."
                " Wait until its work has ended, or open another window."
            )
    return _("No server can run this workflow. The form shows what is missing.")
