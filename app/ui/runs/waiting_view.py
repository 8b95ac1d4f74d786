"""What waits in this window: the line with its order, its pauses and their reasons, and lines of gone windows."""

from __future__ import annotations

import htpy as h

from app.core.waiting_runs import Pause
from app.session import OrphanLine
from app.ui.kit.errors_html import told_error
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import panel_title
from app.ui.kit.parts_html import action_button, icon, icon_button, own, task_title
from app.ui.runs.many_view import hands
from app.ui.runs.waiting import CrewItem, WaitingItem, WaitingView


def waiting(view: WaitingView, _: Translator) -> h.Node:
    """The content of `#waiting`: nothing, if nothing waits."""
    return h.fragment[
        view.error is not None and told_error(view.error, "line-error", _),
        view.count > 0 and _line(view, _),
        bool(view.crew) and _crew(view.crew, _),
        bool(view.orphans) and h.ul(".left-list")[(_orphan(item, _) for item in view.orphans)],
    ]


def _line(view: WaitingView, _: Translator) -> h.Node:
    more = view.count - len(view.items)
    return h.fragment[
        panel_title(
            _("Waiting in this window"),
            h.span(".count.numeric", data_testid="waiting-count")[_.formats.number(view.count)],
            h.div(".left-tools")[_tools(view, _)],
        ),
        h.p(".quiet.left-words", data_testid="waiting-words")[_words(view, _)],
        _reason(view, _),
        h.ol(".waiting-list")[(_item(item, _) for item in view.items)],
        more > 0 and h.p(".quiet")[_("and {count} more", count=_.formats.number(more))],
    ]


def _tools(view: WaitingView, _: Translator) -> h.Node:
    return h.fragment[
        view.servers > 1 and hands(view.hands, view.servers, "line-spread", _),
        action_button(
            _("Cancel mine …"), "ask-cancel-mine", icon_name="stop", class_="is-quiet is-small", testid="line-cancel"
        ),
        action_button(
            _("Remove all"), "line-clear", icon_name="trash", class_="is-quiet is-small", testid="line-clear"
        ),
        view.pause is None and _bound_button(view, _),
        action_button(_("Pause"), "line-pause", icon_name="pause", class_="is-small", testid="line-pause")
        if view.pause is None
        else action_button(
            _("Go on"), "line-resume", icon_name="run", class_="is-primary is-small", testid="line-resume"
        ),
    ]


def _bound_button(view: WaitingView, _: Translator) -> h.Node:
    if view.is_unbounded:
        return action_button(_("Two at a time again"), "line-send-few", class_="is-quiet is-small", testid="line-few")
    return action_button(_("Send all now"), "line-send-all", class_="is-quiet is-small", testid="line-all")


def _words(view: WaitingView, _: Translator) -> str:
    if view.pause is not None:
        return _("Paused. What waits is saved, and holds no server.")
    if view.is_unbounded:
        return _("All of it is being sent now. Once nothing waits here any more, this page may be closed.")
    return " ".join(
        [
            _(
                "Sent two at a time while this page is open. What waits is saved: after a reload, or in another window"
                " that takes it over, it goes on."
            ),
            _("“Send all now” puts all of it into the servers' own queues, so that this page may be closed."),
        ]
    )


def _reason(view: WaitingView, _: Translator) -> h.Node:
    """Why it does not go on, and what helps."""
    match view.pause:
        case Pause.REJECTED:
            return h.p(".told-advice", data_testid="line-reason")[
                _("A server refused a run, and would refuse the others too. Its card says why. Remove them, or go on.")
            ]
        case Pause.UNUSABLE:
            return view.refusal is not None and told_error(view.refusal, "line-refusal", _)
    return view.stalled_by is not None and told_error(view.stalled_by, "line-stalled", _)


def _item(item: WaitingItem, _: Translator) -> h.Element:
    return h.li(
        ".waiting-item",
        id=f"waiting-{item.prompt_id}",
        data_testid="waiting-item",
        data_state="sending" if item.is_on_its_way else "waiting",
        data_prompt_id=item.prompt_id,
        tabindex="-1",
        draggable=None if item.is_on_its_way else "true",
        data_drag=None if item.is_on_its_way else "line-move",
    )[
        not item.is_on_its_way
        and h.span(".waiting-grip", aria_hidden="true", title=_("Drag to reorder"))[icon("grip")],
        h.span(".waiting-title")[task_title(item.title, _)],
        h.span(".quiet.waiting-label")[own(item.label)],
        item.is_on_its_way and h.span(".quiet")[_("on its way")],
        h.span(".waiting-tools")[
            not item.is_first
            and not item.is_on_its_way
            and _icon(_("Up: {name}", name=item.label), "line-up", "chevron", item),
            not item.is_last
            and not item.is_on_its_way
            and _icon(_("Down: {name}", name=item.label), "line-down", "chevron", item),
            not item.is_on_its_way and _icon(_("Change: {name}", name=item.label), "line-edit", "edit", item),
            _icon(_("Remove: {name}", name=item.label), "line-remove", "close", item),
        ],
    ]


def _icon(label: str, action: str, icon_name: str, item: WaitingItem) -> h.Node:
    return icon_button(label, action, icon_name, prompt_id=item.prompt_id, testid=action)


def _crew(crew: tuple[CrewItem, ...], _: Translator) -> h.Element:
    """The sessions of this tab, each with its server."""
    return h.ul(".crew", data_testid="crew", aria_label=_("At work for this window"))[
        (
            h.li(".crew-item", data_testid="crew-item", data_server=item.name, data_count=str(item.count))[
                h.span(class_=["chip", f"tone-{item.tone}"], translate="no")[
                    icon("anchor"), h.span(".chip-name")[item.name]
                ]
                if item.name
                else h.span(".chip")[_("not moored")],
                h.span(".quiet.numeric")[_.plural("{count} run", "{count} runs", item.count)],
            ]
            for item in crew
        )
    ]


def _orphan(item: OrphanLine, _: Translator) -> h.Element:
    return h.li(".card.left-item", id=f"line-{item.owner}", data_testid="orphan-line")[
        h.div(".left-body")[
            h.h3[_.plural("{count} run waits in a closed window", "{count} runs wait in a closed window", item.count)],
            h.p(".told-advice")[
                _("Adopt them, and this window sends them.")
                if item.is_owner_gone
                else _(
                    "Its window did not answer, which proves nothing here: it may only sleep. If you adopt the runs,"
                    " that window lets go of them as soon as it wakes."
                )
            ],
        ],
        action_button(_("Adopt"), "line-adopt", icon_name="adopt", owner=item.owner, testid="line-adopt"),
    ]
