"""The album's frame: search, what it is narrowed to, what is picked. The grid in it is `static/js/grid.js`'s."""

from __future__ import annotations

from collections.abc import Iterable

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon
from app.ui.results.album import MEDIA, AlbumView, Span
from app.ui.results.state import DeleteDialog


def album(view: AlbumView, _: Translator) -> h.Node:
    """What stands under the heading of the results while the album is open."""
    return h.fragment[
        h.div(".album-bar")[_search(view, _), _narrowing(view, _)],
        _picked(view, _) if view.picked else _count(view, _),
        h.div(
            "#album-grid.album-grid",
            data_kept="album",
            role="listbox",
            aria_multiselectable="true",
            aria_label=_("All results"),
            data_testid="album-grid",
        ),
        not view.found and _nothing(view, _),
    ]  # fmt: skip


def _search(view: AlbumView, _: Translator) -> h.Element:
    label = _("Search prompts, workflows, seeds, files")
    return h.label(".album-search")[
        icon("search"),
        h.span(".visually-hidden")[label],
        h.input(
            type="search", value=view.wish.text, placeholder=label, data_input="album-text", id="album-text",
            data_testid="album-search", autocomplete="off", spellcheck="false",
        ),
    ]  # fmt: skip


def _narrowing(view: AlbumView, _: Translator) -> h.Element:
    wish = view.wish
    return h.div(".album-narrowing", role="group", aria_label=_("Show only"))[
        _menu("album-server", _("All servers"), view.servers, wish.server) if len(view.servers) > 1 else None,
        _menu("album-title", _("All workflows"), ((item, _.known(item)) for item in view.titles), wish.title)
        if len(view.titles) > 1
        else None,
        _menu("album-project", _("All projects"), ((item, item) for item in view.projects), wish.project)
        if view.projects
        else None,
        _menu("album-media", _("All kinds"), [(item, _media(item, _)) for item in MEDIA], wish.media),
        _menu("album-span", "", [(item.value, _span(item, _)) for item in Span], wish.span.value, _("When")),
        h.button(
            ".button.is-small.album-star",
            type="button",
            aria_pressed="true" if wish.is_favourites else "false",
            data_action="album-favourites",
            id="album-favourites",
        )[icon("star"), h.span[_("Favourites")]],
    ]


def _menu(name: str, anything: str, options: Iterable[tuple[str, str]], chosen: str, label: str = "") -> h.Element:
    is_set = bool(anything and chosen)
    return h.span(class_=["album-menu", {"is-set": is_set}])[
        h.select(data_change=name, id=name, aria_label=label or anything)[
            bool(anything) and h.option(value="", selected=not chosen)[anything],
            (h.option(value=value, selected=value == chosen)[told] for value, told in options),
        ],
        icon("chevron"),
    ]


def _media(kind: str, _: Translator) -> str:
    match kind:
        case "image":
            return _("Pictures")
        case "video":
            return _("Films")
        case "audio":
            return _("Sounds")
    return _("Other files")


def _span(span: Span, _: Translator) -> str:
    match span:
        case Span.DAY:
            return _("Last 24 hours")
        case Span.WEEK:
            return _("Last 7 days")
        case Span.MONTH:
            return _("Last 30 days")
    return _("Any time")


def _count(view: AlbumView, _: Translator) -> h.Element:
    told = (
        _("{found} of {total}", found=_.formats.number(view.found), total=_.formats.number(view.total))
        if view.wish.is_narrow
        else _.plural("{count} result", "{count} results", view.total)
    )
    return h.div(".album-count", role="status")[
        h.span(".numeric.quiet")[_("Reading …") if view.is_reading and not view.total else told],
        view.wish.is_narrow and action_button(_("Show all"), "album-wide", class_="is-quiet is-small"),
        bool(view.found)
        and action_button(_("Pick all"), "album-pick-all", class_="is-quiet is-small", testid="album-pick-all"),
    ]


def _picked(view: AlbumView, _: Translator) -> h.Element:
    return h.div(".album-count.is-picking", role="group", aria_label=_("What is picked"))[
        h.span(".numeric", role="status")[_.plural("{count} picked", "{count} picked", len(view.picked))],
        action_button(
            _("Download"), "album-download", icon_name="download", class_="is-small", testid="album-download"
        ),
        len(view.picked) > 1
        and action_button(
            _("Compare"), "album-compare", icon_name="flow-blend", class_="is-small", testid="album-compare"
        ),
        action_button(_("Download without workflow"), "album-download-bare", class_="is-quiet is-small"),
        action_button(_("Favourite"), "album-favourite", icon_name="star", class_="is-small", testid="album-favourite"),
        action_button(_("Delete …"), "album-ask-delete", icon_name="trash", class_="is-small", testid="album-delete"),
        action_button(_("Pick none"), "album-pick-none", class_="is-quiet is-small"),
    ]  # fmt: skip


def _nothing(view: AlbumView, _: Translator) -> h.Element:
    if view.is_reading:
        return h.div(".empty.is-small")[h.p(".quiet")[_("Reading what was made here …")]]
    if not view.total:
        return h.div(".empty.is-small")[
            h.p(".quiet")[_("What any window of this browser makes is listed here once it is finished.")]
        ]
    return h.div(".empty.is-small")[h.p(".quiet")[_("Nothing like that was made here.")]]


def delete_question(dialog: DeleteDialog, _: Translator) -> h.Element:
    """Before results are deleted."""
    return h.dialog(
        ".dialog.ask", data_modal="", id="ask", aria_labelledby="ask-title", data_testid="delete-dialog"
    )[
        h.h2(id="ask-title")[_.plural("Delete {count} run?", "Delete {count} runs?", dialog.runs)],
        h.p[
            _.plural(
                "{count} result goes, with its record and its thumbnail.",
                "{count} results go, with their records and thumbnails.",
                dialog.results,
            )
        ],
        h.p(".quiet")[_("Files on the servers stay as they are.")],
        h.div(".dialog-actions")[
            h.button(".button", type="button", data_action="close-dialog", autofocus=True)[_("Keep them")],
            action_button(_("Delete"), "album-delete", class_="is-danger", testid="confirm-delete"),
        ],
    ]  # fmt: skip
