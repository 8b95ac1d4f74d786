"""The evidence in a task's record, in plain words: one text for each kind of note."""

from __future__ import annotations

from app.core import ends
from app.core.ends import NOT_RESTARTED
from app.core.model import Note
from app.core.server_fingerprint import RestartSign
from app.ui.kit.cause_words import word_cause
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words

NOTES = (
    "accepted", "rejected", "not_sent", "refused_after_seen", "unclear", "seen_queued", "seen_running", "absent",
    "absent_again", "removed", "cancel_asked", "given_up", "history", "moved", "unreachable", "told_running",
    "told_end", "server_changed",
)  # fmt: skip


def word_note(note: Note, _: Translator) -> Words:
    """Return the text of a note; a kind of a newer version is shown as it is."""
    words = _submit(note, _) or _poll(note, _) or _contact(note, _) or _user(note, _)
    return words or Words(_("Noted"), quote=" ".join(filter(None, (note.kind, note.detail))), tone=Tone.QUIET)


def _submit(note: Note, _: Translator) -> Words | None:
    match note.kind:
        case "accepted" if number := note.detail.removeprefix("number "):
            return Words(_("The server took it, as number {number}.", number=number))
        case "accepted":
            return Words(_("The server took it."))
        case "rejected":
            return Words(_("The server refused it."), quote=note.detail)
        case "not_sent":
            return Words(_("It was certainly not sent"), cause=word_cause(note.detail, _))
        case "refused_after_seen":
            return Words(_("It was answered with a refusal, but it had been seen in the queue."), quote=note.detail)
        case "unclear":
            return Words(_("The submit ended without a clear answer"), cause=word_unclear(note.detail, _))
    return None


def word_unclear(cause: str, _: Translator) -> str:
    """Say why it is unknown whether a server took what was sent."""
    match cause:
        case "owner_gone":
            return _("its window was gone")
        case "page_went_away":
            return _("this page was closed in the meantime")
    return word_cause(cause, _)


def _poll(note: Note, _: Translator) -> Words | None:
    match note.kind:
        case "seen_queued":
            return Words(_("Seen waiting in the server's queue."))
        case "seen_running":
            return Words(_("Seen running on the server."))
        case "absent":
            return Words(_("Looked: neither in the queue nor in the history."))
        case "absent_again" if note.detail == NOT_RESTARTED:
            return Words(_("Looked again: still in neither, and the server has not been restarted."))
        case "absent_again":
            return Words(_("Looked again, some time later: still in neither."))
        case "removed":
            return Words(_("Taken off the queue."))
        case "history":
            return Words(_("The server's history says: {end}", end=_end(note.detail, _)))
    return None


def _contact(note: Note, _: Translator) -> Words | None:
    match note.kind:
        case "moved" if note.detail:
            return Words(_("The fleet gave its server another address."), quote=note.detail)
        case "moved":
            return Words(_("Its server was no longer in the fleet."))
        case "unreachable":
            return Words(_("Two looks in a row got no answer"), cause=word_cause(note.detail, _))
        case "told_running":
            return Words(_("The live connection reported that it runs."))
        case "told_end":
            return Words(_("The live connection reported its end: {end}", end=_end(note.detail, _)))
        case "server_changed":
            return Words(word_sign(note.detail, _))
    return None


def _user(note: Note, _: Translator) -> Words | None:
    match note.kind:
        case "cancel_asked":
            return Words(_("You asked to stop it."))
        case "given_up":
            return Words(_("You gave it up."))
    return None


def word_sign(sign: str, _: Translator) -> str:
    """Say what changed about a server."""
    match sign:
        case RestartSign.NUMBER_FELL.value | ends.UNDATED_RESTART:
            return _("The server was restarted: it counts from the beginning again.")
        case RestartSign.HISTORY_GONE.value:
            return _("The server's history no longer has what it had.")
    return _("Another ComfyUI, or another version of it, answers at the address.")


def _end(end: str, _: Translator) -> str:
    match end:
        case "success":
            return _("finished")
        case "error":
            return _("stopped by an error")
        case "interrupted":
            return _("interrupted")
    return end
