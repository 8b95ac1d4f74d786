"""What the person should know, above everything else."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from app.core.errors import ConfigError, StorageError, UnreadableRecord
from app.core.model import Unreadable
from app.ui.i18n import Translator
from app.ui.messages import word_error
from app.ui.releases import Newer
from app.ui.state import Notice, NoticeKind
from app.ui.views.parts import action_button, icon, icon_button, told
from app.ui.words import Tone, Words


def notices(view: Sequence[Notice], _: Translator) -> h.Node:
    """The content of `#notices`."""
    return h.fragment[(notice(item, _) for item in view)]


def notice(item: Notice, _: Translator) -> h.Element:
    """One notice."""
    words = word_notice(item, _)
    key = f"{item.kind.value}-{item.number}"
    return h.div(
        class_=["notice", f"is-{words.tone.value}"], id=f"notice-{key}", data_testid="notice", data_kind=item.kind.value
    )[
        icon("info" if words.tone is Tone.QUIET else "warning"),
        told(words),
        _action(item, _),
        _dismiss(item, _),
    ]


def word_notice(item: Notice, _: Translator) -> Words:
    """The words of one notice."""
    match item.kind:
        case NoticeKind.STORE | NoticeKind.ERROR:
            return word_error(item.error or StorageError("read", "unknown"), _)
        case NoticeKind.FLEET:
            words = word_error(item.error or ConfigError(), _)
            return Words(
                _("The list of servers cannot be read from Mooring's gateway."),
                _("Check that “python3 serve.py” still runs. It is asked again every few seconds."),
                words.quote,
                Tone.WARN,
                words.cause,
            )
        case NoticeKind.NO_SERVER:
            return Words(
                _("There is no server yet."),
                _(
                    "Start Mooring with “--demo 3” to try it without one, with “--server NAME=ADDRESS” for a ComfyUI"
                    " that you have, or list several in a fleet file (“--fleet fleet.toml”)."
                ),
                tone=Tone.WARN,
            )
        case NoticeKind.NONE_WELL:
            return Words(
                _("No server answers at the moment."),
                _("The list below says why for each. Work that is there already is not lost."),
                tone=Tone.WARN,
            )
        case NoticeKind.DUPLICATE:
            return Words(
                _("This tab is a copy of another one and has its own work."),
                _("What the other tab runs is seen there."),
                tone=Tone.QUIET,
            )
        case NoticeKind.QUARANTINE:
            return Words(
                _.plural(
                    "{count} stored task contradicts the others and is set aside.",
                    "{count} stored tasks contradict the others and are set aside.",
                    len(item.tasks),
                ),
                _("They name another server than the work that holds this window. Nothing is sent for them."),
                ", ".join(f"{task.title or task.prompt_id} → {task.server_id}" for task in item.tasks),
                Tone.WARN,
            )
        case NoticeKind.UNREADABLE:
            return _word_unreadable(item.record, _)
        case NoticeKind.NEWER:
            return _word_newer(item, _)
        case NoticeKind.OFFLINE:
            return Words(
                _("The browser says that this device is offline."),
                _(
                    "Work on the servers goes on, and what is on this machine can still be reached. Everything is"
                    " looked at again as soon as the network is back."
                ),
                tone=Tone.QUIET,
            )


def _word_newer(item: Notice, _: Translator) -> Words:
    """A newer version of the page: what it means for this window, and when to do what."""
    if item.newer is Newer.STORED:
        return Words(
            _("A newer Mooring has been used in this browser than the gateway serves."),
            _("Everything is still here and this page works on. Update Mooring where “python3 serve.py” runs."),
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


def _word_unreadable(record: Unreadable | None, _: Translator) -> Words:
    """A stored task that cannot be read: what that means, and what can be done with it."""
    if record is None:
        return word_error(UnreadableRecord(), _)
    named = record.title or record.prompt_id
    quote = " · ".join((f"{named} → {record.server_id}" if record.server_id else named, record.detail))
    if record.is_newer:
        return Words(
            _("A stored task was written by a newer version of Mooring and cannot be read here."),
            _(
                "It may still run, so nothing new is sent from this window. Reload the page to read it; give it up only"
                " if that does not help."
            ),
            quote,
            Tone.WARN,
        )
    return Words(
        _("A stored task is damaged and cannot be read.")
        if record.owner is not None
        else _("A stored task is damaged, and it cannot be told which window it belongs to."),
        _("It may still run on a server, so nothing new is sent from this window until you give it up."),
        quote,
        Tone.WARN,
    )


def _action(item: Notice, _: Translator) -> h.Node:
    reload = action_button(_("Reload"), "reload", icon_name="retry", class_="is-small")
    if item.kind is NoticeKind.UNREADABLE and item.record is not None:
        give_up = action_button(
            _("Give up …"), "ask-give-up", class_="is-small", prompt_id=item.record.prompt_id, testid="give-up-record"
        )
        return h.fragment[item.record.is_newer and reload, give_up]
    is_reload = item.kind is NoticeKind.STORE or (
        item.kind is NoticeKind.NEWER and item.newer is not Newer.STORED and not item.is_busy
    )
    return reload if is_reload else None


def _dismiss(item: Notice, _: Translator) -> h.Element | None:
    is_news = item.kind is NoticeKind.NEWER and not item.is_busy
    if is_news or item.kind in {NoticeKind.DUPLICATE, NoticeKind.ERROR, NoticeKind.NONE_WELL}:
        return icon_button(_("Dismiss"), "dismiss-notice", "close", kind=item.kind.value, number=str(item.number))
    return None
