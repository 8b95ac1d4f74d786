"""The dialog about what is kept in this browser: how much lies here, how much may, and how to be rid of it."""

from __future__ import annotations

import htpy as h

from app.core.naming import PARTS, file_name, unknown_parts
from app.core.ports.blobs import Keep, Usage
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button
from app.ui.results.actions import SAMPLE
from app.ui.results.folder_view import folder_field
from app.ui.results.storage import LEAST, MOST, KeepingView


def keeping(view: KeepingView, _: Translator) -> h.Element:
    """The dialog."""
    return h.dialog(
        ".dialog.keeping", data_modal="", id="keeping", aria_labelledby="keeping-title", data_testid="keeping-dialog"
    )[
        h.div(".dialog-head")[
            h.h2(id="keeping-title")[_("Kept in this browser")], icon_button(_("Close"), "close-dialog", "close")
        ],
        _sum(view, _),
        _confirmation(_) if view.dialog.is_deleting else _choices(view, _),
    ]


def _sum(view: KeepingView, _: Translator) -> h.Element:
    usage = view.usage
    if usage is None:
        return h.p(".quiet")[_("Looking …")]
    size, cap = usage.size, usage.settings.cap_bytes
    return h.div(".kept")[
        h.p(".kept-sum.numeric")[
            h.strong[_.formats.size(size)],
            h.span(".quiet")[_("of {size}", size=_.formats.size(cap))],
        ],
        h.progress(
            class_={"is-full": size > cap * 0.9},
            max="1",
            value=f"{min(1.0, size / cap):.3f}",
            aria_label=_("Originals"),
        ),
        h.dl(".kept-facts.numeric")[_facts(usage, _)],
        _promise(usage, _),
    ]


def _facts(usage: Usage, _: Translator) -> h.Node:
    facts: list[tuple[str, int | None, int]] = [
        (_("Originals"), usage.count, usage.size),
        (_("Thumbnails"), usage.thumbnails, usage.thumbnails_size),
    ]
    if usage.inputs_size:
        facts.append((_("Pictures put in, for running again"), None, usage.inputs_size))
    if usage.quota is not None and usage.used is not None:
        facts.append((_("Still free for this page"), None, max(0, usage.quota - usage.used)))
    return h.fragment[
        (
            h.div[
                h.dt[name],
                h.dd(".quiet")["" if count is None else _.formats.number(count)],
                h.dd[_.formats.size(size)],
            ]
            for name, count, size in facts
        )
    ]


def _promise(usage: Usage, _: Translator) -> h.Element:
    if usage.is_persistent:
        return h.p(".kept-promise.is-good")[
            icon("check"), h.span[_("The browser has promised not to clear any of this by itself.")]
        ]
    if usage.is_persistent is None:
        return h.p(".kept-promise")[
            icon("info"),
            h.span[_("The browser may clear all of this when its disk is full; at this address it makes no promise.")],
        ]
    return h.div(".kept-promise")[
        icon("info"),
        h.span[_("The browser may clear all of this when its disk is full.")],
        action_button(_("Ask it not to"), "ask-promise", class_="is-small"),
    ]


def _choices(view: KeepingView, _: Translator) -> h.Node:
    return h.fragment[
        h.fieldset(".keep-choices")[
            h.legend[_("What to keep of new results")],
            _choice(view, Keep.ORIGINALS, _("The pictures themselves"), _("With a thumbnail of each"), _),
            _choice(
                view,
                Keep.THUMBNAILS,
                _("Thumbnails only"),
                _("The pictures stay on their servers and are fetched when you open them"),
                _,
            ),
        ],
        _cap(view, _),
        _names(view, _),
        folder_field(view.folder, _),
        view.recent > 0 and _recent(view.recent, _),
        h.div(".dialog-actions.is-spread")[
            action_button(
                _("Delete all …"),
                "ask-delete-kept",
                icon_name="trash",
                class_="is-quiet",
                disabled=not _has_results(view.usage),
                testid="delete-all",
            ),
            action_button(
                _("Save"),
                "save-keeping",
                class_="is-primary",
                disabled=view.wanted is None or view.wanted == view.settings,
                testid="save-keeping",
            ),
        ],
    ]


def _names(view: KeepingView, _: Translator) -> h.Element:
    """How saved files are called, with an example."""
    unknown = unknown_parts(view.names)
    return h.div(".field.names")[
        h.label(for_="names")[_("Names of saved files")],
        h.input(
            type="text", id="names", value=view.names, data_input="names", data_testid="names", spellcheck="false",
            autocomplete="off", maxlength="200", aria_describedby="names-example", translate="no",
        ),
        h.p(".hint", id="names-example")[
            h.span(".names-parts", translate="no")[" ".join(f"{{{part}}}" for part in PARTS)],
            h.br,
            _("For example:"),
            " ",
            h.span(translate="no")[file_name(view.names, SAMPLE)],
        ],
        bool(unknown)
        and h.p(".told-advice.is-warn")[
            _("Not known, and left out: {parts}", parts=", ".join(f"{{{part}}}" for part in unknown))
        ],
    ]  # fmt: skip


def _recent(count: int, _: Translator) -> h.Element:
    return h.div(".kept-recent")[
        h.span[_.plural("Recent values of {count} input", "Recent values of {count} inputs", count)],
        action_button(_("Forget them"), "forget-recent", class_="is-small", testid="forget-recent"),
    ]


def _has_results(usage: Usage | None) -> bool:
    return usage is not None and bool(usage.count or usage.thumbnails)


def _choice(view: KeepingView, keep: Keep, title: str, about: str, _: Translator) -> h.Element:
    return h.label(class_=["keep-choice", {"is-chosen": view.keep is keep}])[
        h.input(type="radio", name="keep", value=keep.value, checked=view.keep is keep, data_change="keep"),
        h.span(".pick-text")[h.span(".pick-title")[title], h.span(".pick-about")[about]],
    ]


def _cap(view: KeepingView, _: Translator) -> h.Element:
    is_wrong = view.wanted is None
    return h.div(".field.keep-cap")[
        h.div(".field-head")[h.label(for_="keep-cap")[_("Originals may take up to")]],
        h.div(".with-unit")[
            h.input(
                id="keep-cap",
                type="number",
                min=f"{LEAST:g}",
                max=f"{MOST:g}",
                step="any",
                inputmode="decimal",
                value=view.cap,
                data_input="cap",
                aria_invalid="true" if is_wrong else None,
                aria_describedby="keep-cap-words",
                autocomplete="off",
            ),
            h.span(".unit", translate="no")["GB"],
        ],
        h.p(class_=["keep-words", {"is-bad": is_wrong, "is-warn": view.excess > 0}], id="keep-cap-words")[
            _cap_words(view, _)
        ],
    ]


def _cap_words(view: KeepingView, _: Translator) -> str:
    if view.wanted is None:
        return _("This has to be a number of gigabytes, {least} or more.", least=_.formats.number(LEAST, 3))
    if view.excess:
        return _(
            "On saving, {size} of the oldest originals are deleted here. Their thumbnails stay.",
            size=_.formats.size(view.excess),
        )
    return _("When it is full, the oldest make room. Thumbnails do not count and stay. All windows share this.")


def _confirmation(_: Translator) -> h.Node:
    return h.fragment[
        h.div(".told.is-bad.keep-ask", role="alert")[
            h.p(".told-title")[_("Delete all kept results?")],
            h.p(".told-advice")[
                _(
                    "Originals and thumbnails of all windows are deleted from this browser,"
                    " after ten seconds in which this can be undone."
                    " The list of tasks stays, and so do the files on the servers."
                )
            ],
        ],
        h.div(".dialog-actions")[
            h.button(".button", type="button", data_action="keep-kept", autofocus=True)[_("Keep them")],
            action_button(
                _("Delete"), "delete-kept", class_="is-danger", icon_name="trash", testid="confirm-delete-all"
            ),
        ],
    ]
