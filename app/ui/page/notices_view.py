"""What the person should know, above everything else; and errors, each until it is dismissed."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from app.ui.kit.error_texts import error_text
from app.ui.kit.errors_html import copy_button, details_to_copy
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button, told
from app.ui.kit.words import Tone
from app.ui.page.notice_words import word_notice
from app.ui.page.releases import Newer
from app.ui.page.state import Notice, NoticeKind
from app.ui.settings.account_html import log_in_link


def notices(view: Sequence[Notice], _: Translator) -> h.Node:
    """The content of `#notices`."""
    return h.fragment[(notice(item, _) for item in view)]


def errors(view: Sequence[Notice], _: Translator) -> h.Node:
    """Return the content of `#errors`, newest first; it lies above everything and shows every error in full.

    Deletions that can be undone follow below the errors.
    """
    faults = sum(item.kind is NoticeKind.ERROR for item in view)
    return h.fragment[
        faults > 1
        and h.div(".errors-head")[
            h.span[_.plural("{count} error", "{count} errors", faults)],
            action_button(_("Dismiss all errors"), "dismiss-errors", class_="is-small", testid="dismiss-errors"),
        ],
        (notice(item, _) for item in reversed(view)),
    ]


def notice(item: Notice, _: Translator) -> h.Element:
    """One notice."""
    words = word_notice(item, _)
    key = f"{item.kind.value}-{item.number}"
    return h.div(
        class_=["notice", f"is-{words.tone.value}"],
        id=f"notice-{key}",
        data_testid="notice",
        data_kind=item.kind.value,
        role=_ROLES.get(item.kind),
        data_undo=item.deletion is not None,
    )[
        icon(_icon(item, words.tone)),
        h.div(".notice-body")[
            told(words),
            item.kind is NoticeKind.QUARANTINE and _aside(item, _),
            item.kind is NoticeKind.NO_SERVER and _command(_),
            item.error is not None and details_to_copy(f"notice-{key}", error_text(item.error, words), _),
        ],
        _action(item, _),
        _dismiss(item, _),
    ]


_ROLES = {NoticeKind.ERROR: "alert", NoticeKind.DELETED: "status"}


def _icon(item: Notice, tone: Tone) -> str:
    if item.deletion is not None:
        return "trash"
    return "info" if tone is Tone.QUIET else "warning"


def _aside(item: Notice, _: Translator) -> h.Element:
    """The tasks that are set aside, each to be given up."""
    return h.ul(".aside-list")[
        (
            h.li[
                h.span(translate="no")[f"{task.title or task.prompt_id} → {task.server_id}"],
                action_button(
                    _("Give up …"), "ask-give-up", class_="is-small", prompt_id=task.prompt_id, testid="give-up-aside"
                ),
            ]
            for task in item.tasks
        )
    ]


def _command(_: Translator) -> h.Element:
    """What starts Mooring with servers to try, to be copied."""
    return h.p(".notice-command")[
        h.code(id="demo-command", translate="no")["python3 serve.py --demo 3"],
        copy_button("demo-command", _("Copy"), _),
    ]


def _action(item: Notice, _: Translator) -> h.Node:
    reload = action_button(_("Reload"), "reload", icon_name="retry", class_="is-small")
    if item.kind is NoticeKind.UNREADABLE and item.record is not None:
        give_up = action_button(
            _("Give up …"), "ask-give-up", class_="is-small", prompt_id=item.record.prompt_id, testid="give-up-record"
        )
        return h.fragment[item.record.is_newer and reload, give_up]
    if item.deletion is not None:
        return h.button(
            ".button.is-small", type="button", data_action="undo-deletion", data_number=str(item.number),
            data_testid="undo-deletion", aria_keyshortcuts="Control+Z Meta+Z", title=_("Undo (Ctrl+Z)"),
        )[icon("undo"), h.span[_("Undo")]]  # fmt: skip
    if item.kind is NoticeKind.LOGGED_OUT:
        return log_in_link(_)
    if item.kind is NoticeKind.NONE_WELL:
        return action_button(_("Fleet"), "open-fleet", icon_name="fleet", class_="is-small")
    is_reload = item.kind in {NoticeKind.STORE, NoticeKind.OTHER_PERSON} or (
        item.kind is NoticeKind.NEWER and item.newer is not Newer.STORED and not item.is_busy
    )
    return reload if is_reload else None


def _dismiss(item: Notice, _: Translator) -> h.Node:
    is_news = item.kind is NoticeKind.NEWER and not item.is_busy
    can_go = {NoticeKind.DUPLICATE, NoticeKind.ERROR, NoticeKind.NONE_WELL, NoticeKind.CHANGED}
    if is_news or item.kind in can_go:
        return icon_button(_("Dismiss"), "dismiss-notice", "close", key=item.key, number=str(item.number))
    return None
