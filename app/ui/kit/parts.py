"""Pieces that several regions share: icons, server chips, buttons, quotes."""

from __future__ import annotations

from functools import lru_cache

import htpy as h
from markupsafe import Markup

from app.core.model import Task
from app.ui.kit.colours import ServerTag
from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR, Words


@lru_cache(maxsize=256)
def icon(name: str, class_: str = "") -> Markup:
    """A picture out of `static/icons/icons.svg`, which the page has in itself, as decoration."""
    return Markup(h.svg(class_=["icon", class_], aria_hidden="true", focusable="false")[h.use(href=f"#icon-{name}")])


def own(text: object) -> h.Element:
    """Text that is a server's or the person's own, and is never translated."""
    return h.span(translate="no")[str(text)]


def server_chip(tag: ServerTag) -> h.Element:
    """The server's name in its colour."""
    return h.span(class_=["chip", f"tone-{tag.tone}"], translate="no")[icon("anchor"), h.span(".chip-name")[tag.name]]


def action_button(
    label: str, action: str, *, icon_name: str = "", class_: str = "", disabled: bool = False, **data: str
) -> h.Element:
    """A button whose click becomes that action, with `data-…` as its facts."""
    attributes = {f"data-{name.replace('_', '-')}": value for name, value in data.items()}
    return h.button(
        attributes, type="button", class_=["button", class_], disabled=disabled, data_action=action
    )[icon(icon_name) if icon_name else None, h.span[label]]  # fmt: skip


def icon_button(label: str, action: str, icon_name: str, *, disabled: bool = False, **data: str) -> h.Element:
    """A button that shows only its icon; the label is told to those who do not see it, and on hovering."""
    attributes = {f"data-{name.replace('_', '-')}": value for name, value in data.items()}
    told = {"aria-label": label, "title": label}
    return h.button(
        ".button.icon-only", {**attributes, **told}, type="button", disabled=disabled, data_action=action
    )[icon(icon_name)]  # fmt: skip


def told(words: Words, class_: str = "") -> h.Element:
    """A telling: what is so, what to do, and the quote."""
    return h.div(class_=["told", f"is-{words.tone.value}", class_])[
        h.p(".told-title")[titled(words)],
        words.advice and h.p(".told-advice")[words.advice],
        words.quote and quote(words.quote),
    ]


def titled(words: Words) -> str:
    """The title with its cause."""
    return f"{words.title}{SEPARATOR}{words.cause}" if words.cause else words.title


def quote(text: str) -> h.Element:
    """Somebody else's words, as they are."""
    return h.p(".quote", translate="no")[text]


def disclosure(summary: str, *content: h.Node, key: str, class_: str = "", is_open: bool = False) -> h.Element:
    """Something to open; whether it is open belongs to the person, but for the first time that it is there."""
    return h.details(class_=["disclosure", class_], id=key, open=is_open)[
        h.summary[icon("chevron"), h.span[summary]], h.div(".disclosure-body")[content]
    ]


def panel_title(text: str, *beside: h.Node) -> h.Element:
    """A region's heading, with what stands beside it."""
    return h.div(".panel-head")[h.h2[text], beside]


def task_title(title: str, _: Translator) -> h.Node:
    """A sample's title is the catalogue's; any other is the person's own."""
    known = _.known(title)
    return known if known != title else own(title) if title else _("Untitled")


def part_label(task: Task) -> h.Element | None:
    """Which one of many runs it is."""
    if task.part is None or not task.part.label:
        return None
    return h.p(".card-part", title=task.part.label)[own(task.part.label)]


def graph_button(prompt_id: str, _: Translator) -> h.Element:
    """What opens the graph of a task."""
    return action_button(
        _("See the graph"), "open-graph", icon_name="graph", class_="is-quiet is-small", prompt_id=prompt_id,
        testid="open-graph",
    )  # fmt: skip


def empty(icon_name: str, title: str, about: str, *ways: h.Node, class_: str = "") -> h.Element:
    """One of them; `ways` are buttons, the nearest first."""
    return h.div(class_=["empty", class_], data_testid="empty")[
        icon(icon_name, "empty-icon"),
        title and h.p(".empty-title")[title],
        h.p(".quiet")[about],
        any(ways) and h.div(".empty-ways")[ways],
    ]


def drawer(name: str, title: str, _: Translator, *content: h.Node, beside: h.Node = None) -> h.Element:
    """The open panel with its head; `beside` stands next to its title."""
    return h.dialog(
        ".dialog.drawer",
        id=f"{name}-dialog",
        data_modal="",
        aria_labelledby=f"{name}-title",
        data_testid=f"{name}-panel",
    )[
        h.div(".drawer-head")[
            h.h2(id=f"{name}-title")[title],
            beside,
            icon_button(_("Close"), "close-dialog", "close", testid=f"close-{name}"),
        ],
        h.div(".drawer-body", tabindex="0", role="group", aria_labelledby=f"{name}-title")[content],
    ]  # fmt: skip
