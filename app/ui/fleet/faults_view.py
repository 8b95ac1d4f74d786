"""*Break it*: every fault of the demo servers on a button, with what should be seen then, and what is broken now."""

from __future__ import annotations

import htpy as h

from app.ui.fleet.faults import PARTS, BreakView, Suffering
from app.ui.fleet.faults_words import word_broken, word_end, word_part, word_story
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon
from wire.faults import Fault


def breaking(view: BreakView, _: Translator) -> h.Node:
    """The content of `#breaking`: nothing, where nothing may be broken."""
    if view.chosen is None:
        return h.fragment[None]
    return h.details(".break.panel", id="break-it", data_testid="break-it")[
        h.summary[
            icon("chevron"),
            h.h2[_("Break it")],
            _now(view, _),
        ],
        h.div(".break-body")[
            h.div(".break-about")[
                h.p[
                    _(
                        "These servers are here to be broken. Run something, break its server, and see what Mooring"
                        " makes of it: no work is lost in silence, sent twice or moved to another server."
                    )
                ],
                h.p(".break-shows")[icon("look"), h.span[_("What you should see then")]],
            ],
            _servers(view, view.chosen, _),
            (
                h.section(aria_labelledby=f"break-{part.value}")[
                    h.h3(id=f"break-{part.value}")[word_part(part, _)],
                    h.ul(".break-list")[(_row(view.chosen, mishap, end, _) for mishap, end in rows)],
                ]
                for part, rows in PARTS.items()
            ),
            _reset(view.chosen, _),
        ],
    ]  # fmt: skip


def _now(view: BreakView, _: Translator) -> h.Element:
    """What is broken now, seen also while the panel is folded."""
    broken = [item for item in view.servers if item.broken]
    return h.span(class_=["break-now", {"is-broken": bool(broken)}], data_testid="broken-now")[
        (h.span[h.span(".break-who", translate="no")[item.tag.name], " ", _faults(item, _)] for item in broken)
        if broken
        else _("Nothing is broken now.")
    ]


def _faults(item: Suffering, _: Translator) -> str:
    return " · ".join(word_broken(mishap, _) for mishap in item.broken)


def _servers(view: BreakView, chosen: Suffering, _: Translator) -> h.Element:
    return h.fieldset(".break-servers")[
        h.legend[_("Which server?")],
        (_server(item, _, is_chosen=item is chosen) for item in view.servers),
    ]


def _server(item: Suffering, _: Translator, *, is_chosen: bool) -> h.Element:
    server_id = item.tag.server_id
    return h.label(class_=["break-server", f"tone-{item.tag.tone}", {"is-chosen": is_chosen}])[
        h.input(
            type="radio",
            name="break-server",
            value=server_id,
            checked=is_chosen,
            data_change="break-server",
            data_testid="break-server",
        ),
        icon("anchor") if item.is_mooring else h.span(".dot"),
        h.span(".break-who", translate="no")[item.tag.name],
        item.is_mooring and h.span(".visually-hidden")[_("This window is moored to it.")],
        bool(item.broken) and h.span(".break-mark")[icon("broken"), h.span(".visually-hidden")[_faults(item, _)]],
    ]  # fmt: skip


def _row(item: Suffering, mishap: Fault, end: Fault | None, _: Translator) -> h.Element:
    story = word_story(mishap, _)
    is_broken = mishap in item.broken
    deed = end if is_broken and end is not None else mishap
    is_gone = Fault.KILL in item.broken  # then it can only be started
    about = f"break-about-{mishap.value}"
    return h.li(class_={"is-broken": is_broken}, data_testid="mishap", data_mishap=mishap.value)[
        h.button(
            type="button",
            class_=["button", "is-small", {"is-doing": deed in item.doing}],
            disabled=is_gone and deed is not Fault.START,
            data_action="break",
            data_server=item.tag.server_id,
            data_fault=deed.value,
            aria_describedby=about,
        )[h.span[word_end(mishap, _) if deed is end else story.button]],
        h.div[
            h.div(id=about)[
                h.p(".break-does")[story.does],
                h.p(".break-shows")[icon("look"), h.span[story.shows]],
            ],
            _done(item, mishap, _) if end is None else None,
        ],
    ]  # fmt: skip


def _done(item: Suffering, mishap: Fault, _: Translator) -> h.Element:
    """What is over as soon as it is done says so, for there is nothing else to see of it here."""
    return h.p(".break-done", role="status")[
        h.span[icon("check"), _("Done.")] if item.done is mishap else None
    ]  # fmt: skip


def _reset(item: Suffering, _: Translator) -> h.Element:
    return h.div(".break-end")[
        action_button(
            _("Set {server} right", server=item.tag.name),
            "break",
            icon_name="check",
            server=item.tag.server_id,
            fault=Fault.RESET.value,
            testid="break-reset",
        ),
        h.p(".quiet")[_("Ends everything that is broken there, and starts it if it was killed.")],
    ]
