"""The dialog of presets: apply one, save what stands in the form, rename, replace, delete."""

from __future__ import annotations

import htpy as h

from app.ui.form.controls import shown_label
from app.ui.form.presets import LONGEST_NAME, Ask, PresetsView
from app.ui.kit.errors_html import told_error
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import empty
from app.ui.kit.parts_html import action_button, icon, icon_button, own
from app.workflows.forms.presets import Preset


def presets(view: PresetsView, _: Translator) -> h.Element:
    """The dialog."""
    return h.dialog(
        ".dialog.presets", data_modal="", id="presets", aria_labelledby="presets-title", data_testid="presets-dialog"
    )[
        h.div(".dialog-head")[
            h.h2(id="presets-title")[_("Presets"), h.span(".quiet")[" · ", shown_label(view.title, _)]],
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        view.dialog.error is not None and h.div(".is-boxed")[told_error(view.dialog.error, "presets-error", _)],
        _group(_("By the author"), view.authors, view, _, is_mine=False),
        _group(_("Mine"), view.mine, view, _, is_mine=True),
        not view.authors
        and not view.mine
        and empty(
            "preset",
            "",
            _(
                "None yet. Fill the form, give what stands in it a name, and it can be applied again in every window"
                " of this browser."
            ),
            h.button(".button.is-small", type="button", data_focus="preset-name")[
                icon("pencil"), h.span[_("Name what stands in the form")]
            ],
            class_="is-small",
        ),
        _saving(view, _),
    ]


def _group(title: str, items: tuple[Preset, ...], view: PresetsView, _: Translator, *, is_mine: bool) -> h.Node:
    if not items:
        return None
    return h.section(aria_label=title)[
        h.h3(".presets-title")[title],
        h.ul(".presets-list")[(_row(item, view, _, is_mine=is_mine) for item in items)],
    ]


def _row(item: Preset, view: PresetsView, _: Translator, *, is_mine: bool) -> h.Element:
    dialog = view.dialog
    is_asked = is_mine and dialog.asked_id == item.preset_id
    if is_asked and dialog.ask is Ask.RENAME:
        return h.li(".preset.is-asked")[_renaming(item, view, _)]
    if is_asked and dialog.ask is not None:
        return h.li(".preset.is-asked")[_question(item, dialog.ask, _)]
    is_standing = item.preset_id in view.standing
    return h.li(".preset")[
        h.button(
            class_=["preset-apply", {"is-standing": is_standing}],
            type="button",
            data_action="apply-preset",
            data_preset=item.preset_id,
            data_testid="apply-preset",
        )[
            icon("check" if is_standing else "preset"),
            h.span(".preset-name")[own(item.name)],
            is_standing and h.span(".preset-standing.quiet")[_("in the form now")],
        ],
        is_mine
        and h.fragment[
            _tool(_("Replace “{name}” with what stands in the form", name=item.name), Ask.REPLACE, "save", item),
            _tool(_("Rename “{name}”", name=item.name), Ask.RENAME, "pencil", item),
            _tool(_("Delete “{name}”", name=item.name), Ask.DELETE, "trash", item),
        ],
    ]


def _tool(label: str, ask: Ask, icon_name: str, item: Preset) -> h.Element:
    return h.button(
        ".button.icon-only",
        type="button",
        data_action="ask-preset",
        data_ask=ask.value,
        data_preset=item.preset_id,
        data_testid=f"{ask.value}-preset",
        aria_label=label,
        title=label,
        translate="no",
    )[icon(icon_name)]


def _question(item: Preset, ask: Ask, _: Translator) -> h.Node:
    is_delete = ask is Ask.DELETE
    words = (
        _("Delete “{name}” in all windows?", name=item.name)
        if is_delete
        else _("Replace “{name}” with what stands in the form?", name=item.name)
    )
    return h.fragment[
        h.p(".preset-question", role="alert", translate="no")[words],
        h.div(".preset-answers")[
            h.button(".button.is-small", type="button", data_action="leave-preset", autofocus=True)[_("Leave it")],
            action_button(
                _("Delete") if is_delete else _("Replace"),
                "delete-preset" if is_delete else "replace-preset",
                class_=f"is-small {'is-danger' if is_delete else 'is-primary'}",
                testid="do-preset",
            ),
        ],
    ]


def _renaming(item: Preset, view: PresetsView, _: Translator) -> h.Node:
    wanted = view.dialog.new_name
    return h.fragment[
        h.input(
            id="preset-new-name",
            type="text",
            value=wanted,
            maxlength=str(LONGEST_NAME),
            aria_label=_("New name of “{name}”", name=item.name),
            data_input="preset-new-name",
            data_enter="rename-preset",
            autocomplete="off",
            autofocus=True,
            translate="no",
        ),
        h.div(".preset-answers")[
            action_button(_("Leave it"), "leave-preset", class_="is-small"),
            action_button(
                _("Rename"),
                "rename-preset",
                class_="is-small is-primary",
                disabled=not wanted.strip() or view.named(wanted) not in (None, item),
                testid="do-preset",
            ),
        ],
    ]


def _saving(view: PresetsView, _: Translator) -> h.Element:
    name = view.dialog.name
    return h.div(".field.preset-saving")[
        h.div(".field-head")[h.label(for_="preset-name")[_("Save what stands in the form as")]],
        h.div(".preset-line")[
            h.input(
                id="preset-name",
                type="text",
                value=name,
                maxlength=str(LONGEST_NAME),
                data_input="preset-name",
                data_node="",  # so that it can be emptied while it has the focus
                data_name="preset-name",
                data_enter="save-preset",
                aria_describedby="preset-words",
                autocomplete="off",
                translate="no",
            ),
            action_button(
                _("Replace") if view.named(name) else _("Save"),
                "save-preset",
                class_="is-primary",
                disabled=not name.strip(),
                testid="save-preset",
            ),
        ],
        h.p(".hint", id="preset-words")[_("Texts, numbers and choices are kept; pictures and other files are not.")],
    ]
