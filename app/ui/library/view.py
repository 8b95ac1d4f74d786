"""The library: every workflow that can be opened here, looked through by words and tags, named, exported."""

from __future__ import annotations

import htpy as h

from app.ui.form.open_workflow import SHIPPED_IDS
from app.ui.form.picker import LibrarySection, WorkflowEntry
from app.ui.form.view import entry_title
from app.ui.kit.errors_html import told_error
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import empty
from app.ui.kit.parts_html import action_button, icon, icon_button, own
from app.ui.kit.words import SEPARATOR
from app.ui.library.library import PUBLISHED_MARK
from app.ui.library.state import LibraryView, Saved
from app.workflows.library import Item

SHOWN = 120  # cards; past them, one searches


def library(view: LibraryView, _: Translator) -> h.Element:
    """The dialog."""
    return h.dialog(
        ".dialog.library", data_modal="", id="library", aria_labelledby="library-title", data_testid="library"
    )[
        h.div(".dialog-head")[h.h2(id="library-title")[_("Library")], icon_button(_("Close"), "close-dialog", "close")],
        _search(view, _),
        bool(view.tags)
        and h.div(".tags", role="group", aria_label=_("Tags"))[(_tag(tag, view, _) for tag in view.tags)],
        _cards(view, _),
        _saved(view, _),
        _foot(_),
    ]


def _search(view: LibraryView, _: Translator) -> h.Element:
    return h.div(".form-search")[
        icon("search"),
        h.input(
            type="search",
            id="library-query",
            value=view.dialog.query,
            placeholder=_.plural("Search {count} workflow", "Search {count} workflows", view.count),
            aria_label=_("Search the library"),
            data_input="library-query",
            data_node="",  # so that it can be emptied
            data_name="library-query",
            autocomplete="off",
        ),
    ]


def _tag(tag: str, view: LibraryView, _: Translator) -> h.Element:
    is_on = tag == view.dialog.tag
    return h.button(
        class_=["tag", {"is-on": is_on}],
        type="button",
        translate="no",
        aria_pressed="true" if is_on else "false",
        data_action="library-tag",
        data_tag=tag,
    )[tag]


def _cards(view: LibraryView, _: Translator) -> h.Node:
    if not view.entries:
        return empty(
            "search",
            "",
            _("Nothing like that is in the library. Drop a workflow anywhere on the page to bring it here."),
            action_button(_("Show everything"), "library-all", class_="is-small", testid="library-all"),
            class_="is-small library-none",
        )
    rest = len(view.entries) - SHOWN
    return h.fragment[
        h.ul(".shelf-cards")[(_card(entry, view, _) for entry in view.entries[:SHOWN])],
        rest > 0
        and h.p(".quiet")[_.plural("And {count} more: search for it.", "And {count} more: search for them.", rest)],
    ]


def _card(entry: WorkflowEntry, view: LibraryView, _: Translator) -> h.Element:
    item, is_edited = entry.item, entry.workflow_id == view.dialog.editing
    return h.li(class_=["shelf-card", {"is-chosen": entry.workflow_id == view.chosen}], id=f"work-{entry.workflow_id}")[
        h.button(
            ".shelf-open",
            type="button",
            data_action="open-workflow",
            data_item=entry.workflow_id,
            data_testid="open-item",
            aria_describedby=f"work-{entry.workflow_id}-about",
        )[
            h.span(".shelf-picture")[
                h.img(src=entry.picture_url, alt="") if entry.picture_url else icon(_icon(entry), "shelf-icon")
            ],
            h.span(".shelf-title")[entry_title(entry, _)],
            h.span(".shelf-about.quiet", id=f"work-{entry.workflow_id}-about")[_about(entry, _)],
        ],
        item is not None
        and icon_button(
            _("Name and tags"),
            "edit-item",
            "pencil",
            item="" if is_edited else item.item_id,
            testid="edit-item",
        ),
        item is not None
        and bool(item.tags)
        and h.span(".shelf-tags")[(h.span(".tag", translate="no")[tag] for tag in item.tags)],
        item is not None and is_edited and _edit(item, is_deleting=view.dialog.deleting == item.item_id, _=_),
    ]


def _icon(entry: WorkflowEntry) -> str:
    return f"flow-{entry.workflow_id}" if entry.workflow_id in SHIPPED_IDS else "flow-own"


def _about(entry: WorkflowEntry, _: Translator) -> h.Node:
    match entry.shelf:
        case LibrarySection.PUBLISHED:
            path = entry.workflow_id.removeprefix(PUBLISHED_MARK)
            return h.fragment[_("Published here"), SEPARATOR, own(path)]
        case LibrarySection.SHIPPED:
            return _("Comes with Mooring")
    item = entry.item
    if item is None:
        return ""
    when = _("used {when}", when=_.formats.clock(item.used_at))
    return h.fragment[when, item.place and [SEPARATOR, own(item.place)]]


def _edit(item: Item, *, is_deleting: bool, _: Translator) -> h.Element:
    if is_deleting:
        return h.div(".shelf-edit", role="alert")[
            h.p[_("Delete it from the library? Results stay, and so does the file that it came from.")],
            h.div(".shelf-actions")[
                action_button(_("Keep it"), "keep-item", class_="is-small"),
                action_button(_("Delete"), "delete-item", class_="is-danger is-small", item=item.item_id),
            ],
        ]
    name = f"item-{item.item_id}"
    return h.div(".shelf-edit")[
        h.label(for_=f"{name}-title")[_("Name")],
        h.input(id=f"{name}-title", value=item.title, data_change="item-title", data_item=item.item_id, maxlength=200),
        h.label(for_=f"{name}-tags")[_("Tags, with commas between them")],
        h.input(id=f"{name}-tags", value=", ".join(item.tags), data_change="item-tags", data_item=item.item_id),
        h.div(".shelf-actions")[
            action_button(_("Delete"), "ask-delete-item", icon_name="trash", class_="is-small", item=item.item_id),
            action_button(_("Done"), "edit-item", class_="is-small", item=""),
        ],
    ]


def _saved(view: LibraryView, _: Translator) -> h.Node:
    if not view.servers:
        return None
    saved = view.dialog.saved
    chosen = saved.server_id if saved is not None else ""
    return h.div(".saved")[
        h.label(for_="saved-server")[_("Saved on a server by ComfyUI's editor")],
        h.div(".select")[
            h.select(id="saved-server", data_change="saved-server")[
                h.option(value="", selected=not chosen)[_("Choose a server …")],
                (
                    h.option(value=server_id, selected=server_id == chosen, translate="no")[name]
                    for server_id, name in view.servers
                ),
            ],
            icon("chevron"),
        ],
        saved is not None and _saved_names(saved, view.dialog.query, _),
    ]


def _saved_names(saved: Saved, query: str, _: Translator) -> h.Node:
    if saved.error is not None:
        return told_error(saved.error, "saved-error", _)
    if saved.names is None:
        return h.p(".quiet", role="status")[_("Looking …")]
    names = [name for name in saved.names if query.casefold() in name.casefold()]
    if not names:
        return h.p(".quiet")[
            _("Nothing is saved there.") if not saved.names else _("Nothing like that is saved there.")
        ]
    return h.ul(".saved-names")[
        (
            h.li[
                h.button(
                    ".saved-name",
                    type="button",
                    translate="no",
                    data_action="open-saved",
                    data_server=saved.server_id,
                    data_name=name,
                )[icon("flow-own"), h.span[name.removesuffix(".json")]]
            ]
            for name in names[:SHOWN]
        )
    ]


def _foot(_: Translator) -> h.Element:
    return h.div(".library-foot")[
        h.label(".button.is-small")[
            h.input(
                ".visually-hidden", type="file", multiple=True, data_files="open", aria_label=_("Open or import …")
            ),
            icon("folder"),
            h.span[_("Open or import …")],
        ],
        action_button(_("Export everything"), "export-library", icon_name="download", class_="is-small"),
    ]
