"""Contact sheets: the list of them, and one with its rows, columns and pictures.

`static/js/sheet.js` draws an open one as one picture, from what stands in its table.
"""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts import panel_title
from app.ui.kit.parts_html import action_button, icon, icon_button, own, task_title
from app.ui.kit.plan_words import word_shape
from app.ui.kit.words import SEPARATOR
from app.ui.results.sheets import CellKind, SheetCell, SheetEntry, SheetLine, SheetView


def sheet_list(view: tuple[SheetEntry, ...], _: Translator) -> h.Node:
    """The content of `#sheets`: nothing without a grid."""
    if not view:
        return None
    return h.fragment[
        panel_title(_("Contact sheets")), h.ul(".sheet-list")[(_entry(item, _) for item in view)]
    ]  # fmt: skip


def _entry(item: SheetEntry, _: Translator) -> h.Element:
    return h.li(".sheet-entry", data_testid="sheet-entry", id=f"sheet-entry-{item.batch_id}")[
        h.span(".sheet-strip", aria_hidden="true")[
            (h.img(src=url, alt="", decoding="async") for url in item.pictures) if item.pictures else icon("grid")
        ],
        h.span(".sheet-entry-text")[
            h.span(".sheet-entry-title")[task_title(item.title, _)],
            h.span(".quiet.numeric")[
                word_shape(item.columns, item.rows, _), SEPARATOR, h.span(".sheet-entry-done")[_done(item, _)]
            ],
        ],
        action_button(
            _("Open"), "open-sheet", icon_name="grid", class_="is-small", batch_id=item.batch_id, testid="open-sheet"
        ),
    ]


def _done(item: SheetEntry | SheetView, _: Translator) -> str:
    return _("{done} of {total} done", done=item.done, total=item.total)


def sheet(view: SheetView, _: Translator) -> h.Element:
    """The dialog with one of them."""
    title = _.known(view.title) or _("Untitled")
    return h.dialog(
        ".dialog.large.sheet",
        data_modal="",
        id=f"sheet-{view.batch_id}",
        aria_labelledby="sheet-title",
        data_testid="sheet-dialog",
    )[
        h.div(".large-head")[
            h.h2(".large-title", id="sheet-title")[task_title(view.title, _)],
            h.span(".quiet.numeric.sheet-done", data_testid="sheet-done")[_done(view, _)],
            h.button(
                ".button.is-small", type="button", data_save_sheet="", data_testid="save-sheet",
                data_failed=_("Could not be drawn"), disabled=not _has_pictures(view),
            )[icon("download"), h.span[_("Save as picture")]],
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        h.div(
            ".sheet-scroll", tabindex="0", role="region", aria_label=_("Contact sheet of “{title}”", title=title)
        )[_table(view, title, _)],
    ]  # fmt: skip


def _has_pictures(view: SheetView) -> bool:
    return any(cell.full for row in view.rows for cell in row.cells)


def _table(view: SheetView, title: str, _: Translator) -> h.Node:
    return h.fragment[
        h.table(".sheet-table", data_title=title)[
            h.thead[
                h.tr[
                    h.td(".sheet-corner"), (h.th(scope="col")[own(label) if label else None] for label in view.columns)
                ]
            ],
            h.tbody[(_row(row, view, _) for row in view.rows)],
        ],
        view.more > 0
        and h.p(".quiet")[_.plural("{count} more row is not drawn", "{count} more rows are not drawn", view.more)],
    ]


def _row(row: SheetLine, view: SheetView, _: Translator) -> h.Element:
    cells = zip(row.cells, view.columns, strict=True)
    return h.tr[
        h.th(scope="row")[own(row.label) if row.label else None],
        (_cell(cell, f"{column} · {row.label}", view, _) for cell, column in cells),
    ]


def _cell(cell: SheetCell, label: str, view: SheetView, _: Translator) -> h.Element:
    facts = {"data-testid": "sheet-cell", "data-kind": cell.kind.value}
    if cell.kind is not CellKind.PICTURE or cell.prompt_id is None:
        return h.td(facts)[h.span(class_=["sheet-blank", f"is-{cell.kind.value}"])[word_cell(cell.kind, _)]]
    return h.td(facts, data_full=cell.full)[
        h.button(
            ".sheet-open",
            type="button",
            data_action="open-picture",
            data_prompt_id=cell.prompt_id,
            data_index=str(cell.index),
            data_sheet=view.batch_id,
            aria_label=_("Show large: {name}", name=label),
            translate="no",
        )[h.img(src=cell.small, alt="", decoding="async")]
    ]


def word_cell(kind: CellKind, _: Translator) -> str:
    """Why there is no picture in a cell."""
    match kind:
        case CellKind.WAITING:
            return _("waiting")
        case CellKind.RUNNING:
            return _("running")
        case CellKind.COMING:
            return _("being fetched")
        case CellKind.FAILED:
            return _("failed")
        case CellKind.CANCELLED:
            return _("cancelled")
        case CellKind.LOST:
            return _("lost")
        case CellKind.BARE:
            return _("no picture")
        case CellKind.REMOVED:
            return _("removed")
        case CellKind.PICTURE:
            return ""
