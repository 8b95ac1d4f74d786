"""What closed windows have left behind: work to adopt, and records that can only be given up."""

from __future__ import annotations

import htpy as h

from app.session import OrphanRecord
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import panel_title
from app.ui.kit.parts_html import action_button, icon, own, server_chip, task_title
from app.ui.kit.words import titled
from app.ui.runs.task_words import word_left
from app.ui.windows.orphans import OrphansView, OrphanView


def left(view: OrphansView, _: Translator) -> h.Node:
    """The content of `#left`: nothing, if nothing was left."""
    count = len(view.orphans) + len(view.records)
    if not count:
        return h.fragment[None]
    return h.fragment[
        panel_title(
            _("Left behind by closed windows"),
            h.span(".count.numeric")[_.formats.number(count)],
            h.div(".left-tools")[
                action_button(
                    _("Looking …") if view.is_searching else _("Look again"),
                    "search-orphans",
                    icon_name="retry",
                    class_="is-quiet is-small",
                    testid="search-orphans",
                ),
                len(view.orphans) > 1
                and action_button(
                    _("Adopt all"), "adopt-all", icon_name="adopt", class_="is-small", testid="adopt-all"
                ),
            ],
        ),
        bool(view.orphans) and h.p(".quiet.left-words")[
            _("Adopt it, and its pictures come to this window. It does not moor this window to its server.")
        ],
        h.ul(".left-list")[
            (_orphan(item, _) for item in view.orphans),
            (_record(item, _) for item in view.records),
        ],
    ]  # fmt: skip


def _orphan(view: OrphanView, _: Translator) -> h.Element:
    task = view.orphan.task
    words = word_left(task, _)
    return h.li(
        class_=["card left-item", f"tone-{view.tag.tone}"],
        id=f"left-{task.prompt_id}",
        data_testid="orphan",
        data_prompt_id=task.prompt_id,
        data_server=task.server_id,
    )[
        h.div(".left-picture")[h.img(src=view.picture_url, alt="") if view.picture_url else icon("picture")],
        h.div(".left-body")[
            h.div(".card-head")[h.h3[task_title(task.title, _)], server_chip(view.tag)],
            h.p(".card-meta")[
                h.span(class_=["state", f"is-{words.tone.value}"])[titled(words)],
                h.span(".quiet.numeric")[_("sent at {time}", time=_.formats.clock(task.created_at))],
            ],
            not view.orphan.is_owner_gone and h.p(".told-advice")[_unproven(_)],
        ],
        action_button(_("Adopt"), "adopt", icon_name="adopt", prompt_id=task.prompt_id, testid="adopt"),
    ]


def _unproven(_: Translator) -> str:
    return _(
        "Its window did not answer, which proves nothing here: it may only sleep. If you adopt the work, that window"
        " lets go of it as soon as it wakes."
    )


def _record(item: OrphanRecord, _: Translator) -> h.Element:
    record = item.record
    return h.li(
        ".card.left-item.is-warn",
        id=f"left-{record.prompt_id}",
        data_testid="orphan-record",
        data_prompt_id=record.prompt_id,
    )[
        h.div(".left-picture")[icon("broken")],
        h.div(".left-body")[
            h.h3[task_title(record.title, _)],
            h.p(".card-meta")[
                h.span(".state")[
                    _("Written by a newer version of Mooring")
                    if record.is_newer
                    else _("Its record is damaged and cannot be read")
                ],
                record.server_id is not None and own(record.server_id),
            ],
            h.p(".told-advice")[
                _("Reload the page to read it. It cannot be adopted by this version.")
                if record.is_newer
                else _("It cannot be adopted. It may still run on its server.")
            ],
            record.detail and h.p(".quote", translate="no")[record.detail],
            not item.is_owner_gone and h.p(".told-advice")[_unproven_record(_)],
        ],
        action_button(
            _("Give up …"), "ask-give-up", class_="is-quiet", prompt_id=record.prompt_id, testid="give-up-record"
        ),
    ]


def _unproven_record(_: Translator) -> str:
    return _("Its window did not answer, which proves nothing here: it may only sleep, and still need it.")
