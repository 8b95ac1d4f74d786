"""The dialog *Many runs*: how they differ, what that comes to, and the button that adds them."""

from __future__ import annotations

from collections.abc import Mapping

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.parts_html import action_button, icon, icon_button, message, own, task_title
from app.ui.kit.plan_words import word_shape
from app.ui.runs.many import LONG_TEXT, AxisView, ManyKind, ManyView
from app.ui.runs.run_bar_words import word_blocker
from app.ui.runs.state import Blocker

NAMES = "many-names"  # the list of all inputs
TYPED = ":many"  # stands for a node where fields of this dialog are set by us


def many(view: ManyView, blocker: Blocker | None, _: Translator) -> h.Element:
    """The dialog."""
    return h.dialog(
        ".dialog.many", data_modal="", id="many", aria_labelledby="many-title", data_testid="many-dialog", data_drop=""
    )[
        h.div(".dialog-head")[
            h.h2(id="many-title")[_("Many runs")],
            h.span(".quiet.many-of")[task_title(view.title, _)],
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        _kinds(view, _),
        h.div(".many-body")[_body(view, _)],
        _outcome(view, _),
        _end(view, blocker, _),
        h.div(data_kept="combo", class_="combo-home"),
    ]


def _kinds(view: ManyView, _: Translator) -> h.Element:
    words = {
        ManyKind.LINES: _("List"),
        ManyKind.TABLE: _("Table"),
        ManyKind.SEEDS: _("Seeds"),
        ManyKind.GRID: _("Grid"),
    }
    return h.fieldset(".segments")[
        h.legend(".visually-hidden")[_("How the runs differ")],
        (
            h.label(class_=["segment", {"is-chosen": view.draft.kind is kind}])[
                h.input(
                    type="radio",
                    name="many-kind",
                    value=kind.value,
                    id=f"many-kind-{kind.value}",
                    checked=view.draft.kind is kind,
                    data_change="many-kind",
                ),
                h.span[word],
            ]
            for kind, word in words.items()
        ),
    ]


def _body(view: ManyView, _: Translator) -> h.Node:
    match view.draft.kind:
        case ManyKind.LINES:
            return h.fragment[_input(_("Each line goes into"), "target", view.target), _text(view, _)]
        case ManyKind.TABLE:
            return _text(view, _)
        case ManyKind.SEEDS:
            return _seeds(view, _)
        case ManyKind.GRID:
            return _grid(view, _)


def _text(view: ManyView, _: Translator) -> h.Element:
    draft = view.draft
    is_table = draft.kind is ManyKind.TABLE
    label = _("Table with a header") if is_table else _("One text a line")
    hint = (
        _("The first row names inputs, each further row is one run. Comma, semicolon or tab between; quotes as in CSV.")
        if is_table
        else _("Empty lines are left out.")
    )
    is_long = len(draft.text) > LONG_TEXT
    return h.div(".field.many-text")[
        h.div(".field-head")[
            h.label(for_="many-text")[label],
            h.label(".button.is-small.is-quiet.file-button")[
                icon("upload"),
                h.span[_("From a file")],
                h.input(".visually-hidden", type="file", data_files="", data_testid="many-file",
                        accept=".txt,.csv,.tsv,text/plain,text/csv"),
            ],
        ],
        _file(view, _)
        if is_long
        else h.textarea(
            _typed("text", "many-text"), id="many-text", rows="7", spellcheck="false", translate="no",
            aria_describedby="many-text-hint many-outcome", data_testid="many-text",
            placeholder="text,seed\na red dune,7\na blue dune,8" if is_table else None,
        )[draft.text],
        h.p(".hint", id="many-text-hint")[hint, " ", _seed_words(view, _)],
    ]  # fmt: skip


def _file(view: ManyView, _: Translator) -> h.Element:
    return h.p(".many-file", id="many-text")[
        icon("info"),
        h.span[own(view.draft.file_name or "…")],
        action_button(_("Remove"), "many-clear", class_="is-small is-quiet", icon_name="close"),
    ]


def _seed_words(view: ManyView, _: Translator) -> str:
    return _("Seeds change from run to run as the form says.") if view.has_seeds else ""


def _seeds(view: ManyView, _: Translator) -> h.Node:
    draft = view.draft
    return h.fragment[
        _input(_("Seed"), "seed", view.seed),
        h.div(".many-numbers")[
            _number(_("From"), "start", draft.start),
            _number(_("How many"), "count", draft.count),
            _number(_("Step"), "step", draft.step),
        ],
    ]


def _grid(view: ManyView, _: Translator) -> h.Node:
    return h.fragment[
        h.div(".many-sides")[
            _side(_("Columns"), "across", view.across, _),
            _side(_("Rows"), "down", view.down, _),
        ],
        view.has_seeds and h.p(".hint")[_("All runs of a grid have the same seed, unless a side of it is the seed.")],
    ]


def _side(title: str, place: str, view: AxisView, _: Translator) -> h.Element:
    hint = _("1, 2, 3 or 4..12 step 4") if view.is_number else _("One a line, or with commas between")
    return h.fieldset(".many-side")[
        h.legend[title],
        _input(_("Input"), place, view.name),
        h.div(".field")[
            h.div(".field-head")[h.label(for_=f"many-{place}-text")[_("Values")]],
            h.textarea(
                _typed(f"{place}-text", f"many-{place}-text"),
                id=f"many-{place}-text",
                data_testid=f"many-{place}-text",
                rows="3",
                spellcheck="false",
                translate="no",
                aria_describedby=f"many-{place}-hint many-outcome",
            )[view.text],
            h.p(".hint", id=f"many-{place}-hint")[hint],
        ],
        bool(view.options) and _adding(place, _),
    ]


def _adding(place: str, _: Translator) -> h.Element:
    """Puts one of the input's choices behind the values."""
    return h.div(".field")[
        h.div(".field-head")[h.label(for_=f"many-{place}-option")[_("Add a choice")]],
        _combo(f"many-{place}-option", "", f"many-{place}-options", "many-option", place),
    ]


def _input(label: str, place: str, name: str) -> h.Element:
    return h.div(".field")[
        h.div(".field-head")[h.label(for_=f"many-{place}")[label]],
        _combo(f"many-{place}", name, NAMES, "many-input", place),
    ]


def _combo(id_: str, value: str, list_id: str, change: str, place: str) -> h.Element:
    return h.div(".select")[
        h.input(
            id=id_,
            data_testid=id_,
            data_change=change,
            data_place=place,
            data_node=TYPED,
            data_name=id_,
            type="text",
            role="combobox",
            aria_expanded="false",
            aria_autocomplete="list",
            aria_haspopup="listbox",
            data_options=list_id,
            value=value,
            spellcheck="false",
            autocomplete="off",
            translate="no",
        ),
        icon("chevron"),
    ]


def _number(label: str, name: str, value: str) -> h.Element:
    return h.div(".field")[
        h.div(".field-head")[h.label(for_=f"many-{name}")[label]],
        h.input(
            ".numeric", _typed(name, f"many-{name}"), id=f"many-{name}", data_testid=f"many-{name}", type="text",
            inputmode="numeric", value=value, autocomplete="off", aria_describedby="many-outcome",
        ),
    ]  # fmt: skip


def _typed(name: str, id_: str) -> Mapping[str, str]:
    return {"data-input": "many", "data-place": name, "data-node": TYPED, "data-name": id_}


def _outcome(view: ManyView, _: Translator) -> h.Element:
    """What the plan comes to, or what is wrong with it."""
    return h.div(".many-outcome", id="many-outcome", role="status", data_testid="many-outcome")[
        message(word_error(view.error, _)) if view.error is not None else _preview(view, _)
    ]


def _preview(view: ManyView, _: Translator) -> h.Node:
    if not view.count:
        return h.p(".quiet")[_("Nothing to run yet.")]
    more = view.count - len(view.rows)
    return h.fragment[
        h.p(".many-count")[
            h.strong[_.plural("{count} run", "{count} runs", view.count)],
            view.grid is not None and h.span(".quiet")[word_shape(*view.grid, _)],
        ],
        h.ol(".many-rows")[(h.li[own(row)] for row in view.rows)],
        more > 0 and h.p(".quiet")[_("and {count} more", count=_.formats.number(more))],
    ]


def _end(view: ManyView, blocker: Blocker | None, _: Translator) -> h.Node:
    is_ready = blocker is None and view.error is None and view.count > 0
    return h.fragment[
        h.p(".hint")[
            word_blocker(blocker, _)
            if blocker is not None
            else _("They wait in this window and are sent two at a time. It has to stay open until all are sent.")
        ],
        h.div(".dialog-actions.is-spread")[
            view.servers > 1 and hands(view.hands, view.servers, "many-hands", _),
            h.button(
                ".button.is-primary", type="button", data_action="many-add", data_testid="many-add",
                disabled=not is_ready,
            )[icon("run"), h.span[_.plural("Add {count} run", "Add {count} runs", view.count)]],
        ],
    ]  # fmt: skip


def hands(chosen: int, servers: int, change: str, _: Translator) -> h.Element:
    """How many servers a line may go to at once."""
    return h.label(".spread")[
        h.span[_("Spread over")],
        h.span(".mini-select")[
            h.select(data_change=change, data_testid=change, id=change, autocomplete="off")[
                (
                    h.option(value=str(count), selected=count == chosen)[
                        _.plural("{count} server", "{count} servers", count)
                    ]
                    for count in range(1, max(servers, chosen) + 1)
                )
            ],
            icon("chevron"),
        ],
    ]
