"""The texts of notices, by kind."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.errors import ConfigError, ListError, StorageError, TransportError, UnreadableRecord
from app.core.model import Unreadable
from app.core.server_fingerprint import RestartSign
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.words import SEPARATOR, Tone, Words, sentences
from app.ui.notices.releases import Newer
from app.ui.notices.state import Notice, NoticeKind
from app.ui.results.state import LastDownload
from app.ui.runs.stopping import StopOutcome
from app.ui.windows.orphans import Adopted

_ICONS = {NoticeKind.STOPPED: "stop", NoticeKind.SAVED: "download"}


def count_errors(items: Sequence[Notice]) -> int:
    return sum(item.kind is NoticeKind.ERROR for item in items)


def notice_icon(item: Notice, words: Words) -> str:
    if item.kind in _ICONS:
        return _ICONS[item.kind]
    if item.deletion is not None:
        return "info" if item.deletion.what.is_kept else "trash"
    return "info" if words.tone is Tone.QUIET else "warning"


def word_notice(item: Notice, _: Translator) -> Words:
    match item.kind:
        case NoticeKind.STORE | NoticeKind.ERROR:
            return word_error(item.error or StorageError("read", "unknown"), _)
        case NoticeKind.FLEET:
            return _fleet(item, _)
        case (
            NoticeKind.DELETED
            | NoticeKind.STOPPED
            | NoticeKind.SEARCHED
            | NoticeKind.UNSENT
            | NoticeKind.UNDELETED
            | NoticeKind.SAVED
        ):
            return _done(item, _)
        case NoticeKind.NO_SERVER:
            return _no_server(_)
        case NoticeKind.NONE_WELL:
            return Words(
                _("No server answers at the moment."),
                _("“Fleet” says why for each. Work that is there already is not lost."),
                tone=Tone.WARN,
            )
        case NoticeKind.DUPLICATE:
            return Words(
                _("This tab is a copy of another one and has its own work."),
                _("What the other tab runs is seen there."),
                tone=Tone.QUIET,
            )
        case NoticeKind.CHANGED:
            return _changed(item, _)
        case NoticeKind.QUARANTINE:
            return _quarantine(item, _)
        case NoticeKind.UNREADABLE:
            return _unreadable(item.record, _)
        case NoticeKind.NEWER:
            return _newer(item, _)
        case NoticeKind.OFFLINE:
            return _offline(_)
        case NoticeKind.LOGGED_OUT | NoticeKind.OTHER_USER:
            return _absent(item.kind, _)


def word_deletion(item: Deletion, _: Translator) -> str:
    """Return the text about what was deleted or replaced."""
    name = _.known(item.name) or _("Untitled")
    if item.what.is_kept:
        return _word_replaced(item.what, name, _)
    match item.what:
        case What.RESULTS if item.count > 1:
            return _.plural("{count} run deleted, with its results.", "{count} runs deleted, with their results.",
                            item.count)  # fmt: skip
        case What.RESULTS:
            return _("“{name}” deleted, with its results.", name=name)
        case What.WORKFLOW:
            return _("“{name}” deleted from the library.", name=name)
        case What.WORDS:
            return _("Words “{name}” deleted.", name=item.name)
        case What.PRESET:
            return _("Preset “{name}” deleted.", name=name)
        case What.WAITING | What.SHARED:
            return _word_removed(item, _)
        case What.KEPT:
            return _("All results kept here are about to be deleted.")
        case What.OLDEST:
            return _("The oldest results, {size}, are about to be deleted.", size=_.formats.size(item.count))
        case What.RECENT:
            return _("Values used lately forgotten.")
        case What.FOLDER:
            return _("Results are no longer saved to “{name}”.", name=item.name)
        case What.LAYOUT:
            return _("Your arrangement of the form deleted.")
    return _("Your list was replaced.")


def _word_removed(item: Deletion, _: Translator) -> str:
    if item.what is What.SHARED:
        return _.plural("{count} shared file removed.", "{count} shared files removed.", item.count)
    return _.plural("{count} waiting run removed.", "{count} waiting runs removed.", item.count)


def _word_replaced(what: What, name: str, _: Translator) -> str:
    if what is What.VERSION:
        return _("“{name}” has new content. The earlier version is in the library.", name=name)
    return _("“{name}” is an earlier version again. The one that you left is in the library.", name=name)


def _done(item: Notice, _: Translator) -> Words:
    """Say what the user has just done."""
    if item.kind is NoticeKind.UNSENT:
        return Words(
            _("A run from before this page was loaded again was not sent."),
            _("It had not been recorded, so no server has it. Run it again if you still want it."),
            tone=Tone.WARN,
        )
    if item.kind is NoticeKind.UNDELETED:
        return Words(
            _("This page was loaded again before a deletion was carried out."),
            _("Nothing was deleted. Delete it again if you still want to."),
            tone=Tone.WARN,
        )
    if item.stopped is not None:
        return _stopped(item.stopped, _)
    if item.saved is not None:
        return Words(_word_saved(item.saved, _), item.saved.name, tone=Tone.QUIET)
    if item.kind is NoticeKind.SEARCHED:
        return _adopted(item.adopted, _) if item.adopted else _searched(item.found, _)
    return _fleet(item, _) if item.deletion is None else Words(word_deletion(item.deletion, _), tone=Tone.QUIET)


def _word_saved(saved: LastDownload, _: Translator) -> str:
    """Say what the browser was given: where it puts a file, and when, the page does not learn."""
    if saved.count == 1:
        return _("Download started")
    return _.plural("Download of {count} result started", "Download of {count} results started", saved.count)


def _stopped(outcome: StopOutcome, _: Translator) -> Words:
    """Say how many runs were stopped, and what became of the others: a server may end one before it has the request."""
    parts = [
        outcome.stopping > 0
        and outcome.stopped > 0
        and _.plural("{count} stopped", "{count} stopped", outcome.stopped),
        0 < outcome.unsent < outcome.total
        and _.plural("{count} waited and is not sent", "{count} waited and are not sent", outcome.unsent),
        0 < outcome.ended < outcome.total
        and _.plural("{count} had ended by then", "{count} had ended by then", outcome.ended),
        outcome.unconfirmed > 0
        and _.plural(
            "{count} still to be confirmed by {servers}",
            "{count} still to be confirmed by {servers}",
            outcome.unconfirmed,
            servers=", ".join(outcome.servers),
        ),
        outcome.lost > 0
        and _.plural("the end of {count} is not known", "the end of {count} is not known", outcome.lost),
        outcome.unasked > 0 and _.plural("{count} not stopped", "{count} not stopped", outcome.unasked),
    ]
    return Words(_stop_title(outcome, _), SEPARATOR.join(part for part in parts if part), tone=Tone.QUIET)


def _stop_title(outcome: StopOutcome, _: Translator) -> str:
    total, gone = outcome.total, outcome.gone
    if outcome.stopping:
        return _.plural("Stopping {count} run", "Stopping {count} runs", outcome.stopping + outcome.unconfirmed)
    if not total:
        return _("Nothing was left to stop")
    if outcome.ended == total:
        return _.plural("{count} run had ended by then", "All {count} runs had ended by then", total)
    if outcome.unsent == total:
        return _.plural("{count} run is not sent", "{count} runs are not sent", total)
    if gone == total:
        return _.plural("{count} run stopped", "{count} runs stopped", total)
    return _.plural("{gone} of {count} run stopped", "{gone} of {count} runs stopped", total, gone=gone)


def _adopted(adopted: Adopted, _: Translator) -> Words:
    """Say where adopted runs are now, and which could not be adopted."""
    title = _.plural("{count} run is adopted", "{count} runs are adopted", adopted.count)
    ends, advice = {task.state.is_end for task in adopted.tasks}, ""
    if ends == {True}:
        advice = _("What it made comes to “Results” of this window.")
    elif ends == {False}:
        advice = _("“Now” shows it until it ends, then its pictures come to “Results”.")
    elif ends:
        advice = _("“Now” shows what still runs, and what is done comes to “Results”.")
    waiting = _.plural(
        "{count} was not sent yet and waits in this window now.",
        "{count} were not sent yet and wait in this window now.",
        adopted.waiting,
    )
    damaged = _.plural(
        "{count} cannot be adopted: its record is damaged.",
        "{count} cannot be adopted: their records are damaged.",
        adopted.damaged,
    )
    advice = sentences(advice, waiting if adopted.waiting else "", damaged if adopted.damaged else "")
    return Words(title, advice, tone=Tone.QUIET)


def _searched(found: int | None, _: Translator) -> Words:
    """Say how many runs of closed windows were found; None while they are searched for."""
    if found is None:
        return Words(
            _("Looking for work of closed windows …"),
            _("Finds runs that continue on a server after their window was closed or the browser crashed."),
            tone=Tone.QUIET,
        )
    if not found:
        return Words(
            _("No work of closed windows was found."),
            _(
                "A run continues on its server when its window is closed or the browser crashes. Such runs would be"
                " listed here, and could be adopted."
            ),
            tone=Tone.QUIET,
        )
    return Words(
        _.plural("{count} run of a closed window was found.", "{count} runs of closed windows were found.", found),
        _.plural(
            "“Now” lists it. Adopt it to get its results in this window.",
            "“Now” lists them. Adopt them to get their results in this window.",
            found,
        ),
        tone=Tone.QUIET,
    )


def _fleet(item: Notice, _: Translator) -> Words:
    words = word_error(item.error or ConfigError(), _)
    if isinstance(item.error, ListError):
        return words
    advice = _("Check that Mooring still runs where it was started. It is asked again every few seconds.")
    if isinstance(item.error, TransportError):
        waits = _("What was sent goes on, and what waits is sent once it answers.")
        return Words(_("Mooring's gateway does not answer."), sentences(waits, advice), tone=Tone.WARN)
    return Words(
        _("The list of servers cannot be read from Mooring's gateway."), advice, words.quote, Tone.WARN, words.cause
    )


def _no_server(_: Translator) -> Words:
    return Words(
        _("There is no server yet."),
        _(
            "Start Mooring with “--demo 3” to try it without one, with “--server NAME=ADDRESS” for a ComfyUI"
            " that you have, or list several in a fleet file (“--fleet fleet.toml”)."
        ),
        tone=Tone.WARN,
    )


def _changed(item: Notice, _: Translator) -> Words:
    """A server seems to have changed: what was noticed, and that it ends nothing."""
    server = item.tag.name if item.tag else _("the server")
    match item.noticed.sign if item.noticed else RestartSign.ANOTHER:
        case RestartSign.NUMBER_FELL:
            title = _("{server} was restarted.", server=server)
            advice = _(
                "Its queue and history are empty again. This window checks its work there again; each card says what"
                " was lost. Pictures that are kept here stay."
            )
        case RestartSign.HISTORY_GONE:
            title = _("{server} no longer has its history.", server=server)
            advice = _(
                "It was restarted, or its history was cleared. This window checks its work there again."
                " Pictures that are kept here stay."
            )
        case RestartSign.ANOTHER:
            title = _("{server} is not the ComfyUI that it was.", server=server)
            advice = _(
                "Other versions or devices answer at its address: it was upgraded, or it is another one. This window"
                " checks its work there again; compare the address in the fleet if you did not expect this."
            )
    when = _("Noticed at {time}.", time=_.formats.clock(item.noticed.at)) if item.noticed else ""
    return Words(title, sentences(when, advice), tone=Tone.QUIET)


def _quarantine(item: Notice, _: Translator) -> Words:
    return Words(
        _.plural(
            "{count} stored task contradicts the others and is set aside.",
            "{count} stored tasks contradict the others and are set aside.",
            len(item.tasks),
        ),
        _("They name another server than the work that holds this window. Nothing is sent for them."),
        tone=Tone.WARN,
    )


def _offline(_: Translator) -> Words:
    return Words(
        _("The browser says that this device is offline."),
        _(
            "Work on the servers goes on, and what is on this machine can still be reached. Everything is"
            " checked again as soon as the network is back."
        ),
        tone=Tone.QUIET,
    )


def _absent(kind: NoticeKind, _: Translator) -> Words:
    """The owner of this page is not logged in: nothing is lost, and nothing is sent until then."""
    if kind is NoticeKind.LOGGED_OUT:
        return Words(
            _("You are logged out."),
            _(
                "Nothing is lost: work on the servers goes on, and is fetched once you have logged in again. This page"
                " then continues automatically."
            ),
            tone=Tone.WARN,
        )
    return Words(
        _("Another user has logged in in this browser."),
        _(
            "This page is not theirs, so it sends and fetches nothing under their name. Your work goes on; it is"
            " fetched when you log in again. Reload to work as the user who is logged in now."
        ),
        tone=Tone.WARN,
    )


def _newer(item: Notice, _: Translator) -> Words:
    """A newer version of the page: what it means for this window, and when to reload."""
    if item.newer is Newer.STORED:
        return Words(
            _("A newer Mooring has been used in this browser than the gateway serves."),
            _("Everything is still here and this page works on. Update Mooring where it runs."),
            tone=Tone.QUIET,
        )
    if item.is_busy:
        return Words(
            _("A newer version of Mooring is available."),
            _("This window finishes its work first; then reload it."),
            tone=Tone.QUIET,
        )
    return Words(
        _("A newer version of Mooring is available."),
        _("Reload this page to use it. Nothing is lost; if this comes back, update Mooring where its gateway runs.")
        if item.newer is Newer.OPENED
        else _("Reload this page to use it. Nothing is lost."),
        tone=Tone.QUIET,
    )


def _unreadable(record: Unreadable | None, _: Translator) -> Words:
    """A stored task that cannot be read: what that means, and what the user can do with it."""
    if record is None:
        return word_error(UnreadableRecord(), _)
    named = record.title or record.prompt_id
    quote = " · ".join((f"{named} → {record.server_id}" if record.server_id else named, record.detail))
    if record.is_newer:
        return Words(
            _("A stored task was written by a newer version of Mooring and cannot be read here."),
            _(
                "It may still run, so nothing new is sent from this window. Reload the page to read it; stop tracking"
                " it only if that does not help."
            ),
            quote,
            Tone.WARN,
        )
    return Words(
        _("A stored task is damaged and cannot be read.")
        if record.owner is not None
        else _("A stored task is damaged, and its window is unknown."),
        _("It may still run on a server, so nothing new is sent from this window until you stop tracking it."),
        quote,
        Tone.WARN,
    )
