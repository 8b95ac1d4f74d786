"""The panel *Windows*: every window of this browser, a way to find its tab, and what closed windows have left."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts import drawer
from app.ui.kit.parts_html import action_button, icon, server_chip, task_title
from app.ui.kit.words import titled
from app.ui.runs.task_words import word_left
from app.ui.windows.panel import LeftRow, SessionRow, WindowMark, WindowRow, WindowsView
from app.ui.windows.words import word_age, word_window, word_work


def windows(view: WindowsView, _: Translator) -> h.Node:
    """The open panel."""
    count = h.span(".count.numeric")[_.formats.number(len(view.rows))] if view.rows else None
    return drawer(
        "windows",
        _("Windows"),
        _,
        view.is_unreadable and h.p(".quiet")[_("This browser's records cannot be read now.")],
        not view.is_read
        and not view.is_unreadable
        and h.p(".skeleton", role="status")[h.span(".visually-hidden")[_("Reading the records …")]],
        h.ul(".windows", aria_label=_("Windows"))[(_window(row, _) for row in view.rows)],
        h.div(".open-windows")[
            h.a(".button", id="open-window", href="./", target="_blank", rel="noopener")[
                icon("plus"), h.span[_("Open another window")]
            ],
            h.a(".button.is-quiet", id="open-private-window", href="./?private", target="_blank", rel="noopener")[
                icon("private"), h.span[_("Open a private window")]
            ],
        ],
        len(view.rows) > 1
        and h.p(".quiet.drawer-note")[
            _(
                "Browsers let no page bring another tab to the front. “Find it” puts an arrow into that tab's title and"
                " icon, until you look at it."
            )
        ],
        _left(view.left, _),
        beside=count,
    )  # fmt: skip


def _window(row: WindowRow, _: Translator) -> h.Element:
    tone = f"tone-{row.own.tag.tone}" if row.own.tag is not None else ""
    return h.li(
        class_=["window-row", tone, {"is-mine": row.is_mine, "is-free": not row.own.is_moored}],
        id=f"window-{row.window_id}",
        data_testid="window-row",
        data_window=row.window_id,
    )[
        h.div(".window-picture")[h.img(src=row.picture_url, alt="") if row.picture_url else icon("window")],
        h.div(".window-body")[
            h.div(".window-head")[
                h.h3[word_window(WindowMark(row.number, row.is_mine), _)],
                _where(row.own, _),
            ],
            h.p(".window-work.numeric")[word_work(row.own, _, row.in_line)],
            (_crew(item, _) for item in row.crew),
            h.p(".window-facts.quiet")[
                row.title and h.span(".window-title")[task_title(row.title, _)],
                row.minutes is not None and h.span(".numeric")[word_age(row.minutes, _)],
            ],
            row.is_asked
            and h.p(".window-asked", role="status")[
                icon("flag"), h.span[_("Its tab now begins with “▶ here”.")]
            ],
        ],
        not row.is_mine
        and action_button(
            _("Find it"),
            "show-window",
            icon_name="flag",
            class_="is-small",
            window=row.window_id,
            testid="show-window",
        ),
    ]  # fmt: skip


def _where(row: SessionRow, _: Translator) -> h.Node:
    """The server that holds it, or had its last work."""
    if row.tag is None:
        return None
    if row.is_moored:
        return server_chip(row.tag)
    return h.span(".last-server.quiet")[
        h.span(".dot"), h.span[_("last on {server}", server=row.tag.name)]
    ]  # fmt: skip


def _crew(row: SessionRow, _: Translator) -> h.Element:
    tone = f"tone-{row.tag.tone}" if row.tag is not None else ""
    return h.p(class_=["window-crew", tone], data_testid="crew-row")[
        h.span(".quiet")[_("Session {number}", number=row.number)],
        _where(row, _),
        h.span(".quiet.numeric")[word_work(row, _)],
    ]


def _left(rows: tuple[LeftRow, ...], _: Translator) -> h.Element | None:
    """What is on the page as well, for those who look for it here."""
    if not rows:
        return None
    return h.section(".left-here", aria_labelledby="left-here-title")[
        h.div(".panel-head")[
            h.h3(id="left-here-title")[_("Left behind by closed windows")],
            h.span(".count.numeric")[_.formats.number(len(rows))],
            len(rows) > 1
            and action_button(_("Adopt all"), "adopt-all", icon_name="adopt", class_="is-small"),
        ],
        h.ul[(_orphan(row, _) for row in rows)],
    ]  # fmt: skip


def _orphan(row: LeftRow, _: Translator) -> h.Element:
    words = word_left(row.task, _)
    return h.li(
        class_=["window-row", f"tone-{row.tag.tone}"],
        id=f"left-here-{row.task.prompt_id}",
        data_testid="orphan-here",
        data_prompt_id=row.task.prompt_id,
    )[
        h.div(".window-picture")[h.img(src=row.picture_url, alt="") if row.picture_url else icon("picture")],
        h.div(".window-body")[
            h.div(".window-head")[h.h3[task_title(row.task.title, _)], server_chip(row.tag)],
            h.p(".window-facts.quiet")[
                h.span[titled(words)],
                h.span(".numeric")[_("sent at {time}", time=_.formats.clock(row.task.created_at))],
            ],
            not row.is_owner_gone and h.p(".window-facts.quiet")[_("Its window may only sleep.")],
        ],
        action_button(
            _("Adopt"), "adopt", icon_name="adopt", class_="is-small", prompt_id=row.task.prompt_id, testid="adopt-here"
        ),
    ]  # fmt: skip
