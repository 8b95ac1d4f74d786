"""What has ended: pictures with their server, and the reason where there are none."""

from __future__ import annotations

import htpy as h

from app.core.model import Delivery, TaskState
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import empty, panel_title
from app.ui.kit.parts_html import action_button, graph_button, icon, icon_button, part_label, server_chip, task_title
from app.ui.kit.words import SEPARATOR, Tone, Words, titled
from app.ui.results.album_view import album
from app.ui.results.folder_view import folder_sign
from app.ui.results.large_view import player
from app.ui.results.state import ResultsView
from app.ui.runs.card_words import word_ward
from app.ui.runs.errors_html import failure, warnings
from app.ui.runs.evidence_html import details
from app.ui.runs.links_html import editor_note, origin, repeats
from app.ui.runs.offers import may_run_twice
from app.ui.runs.state import CardView, ResultView
from app.ui.runs.task_words import word_delivery, word_task
from app.ui.runs.tasks_view import DrawCard


def results(view: ResultsView, _: Translator, draw_card: DrawCard | None = None) -> h.Node:
    """The content of `#results`; `draw_card` is `ended_card`, or what has its markup already."""
    head = panel_title(_("Results"), _tabs(view, _), _project(view, _), folder_sign(view.folder, _), _kept(view, _))
    if view.album is not None:
        return h.fragment[head, album(view.album, _)]
    if not view.cards and view.is_private:
        return h.fragment[
            head,
            empty(
                "private",
                _("A private window"),
                _(
                    "What you make here is shown until this page is closed or loaded again, and nothing of it stays in"
                    " this browser. What the servers save of it, they keep."
                ),
                class_="is-small",
            ),
        ]
    if not view.cards:
        return h.fragment[
            head,
            empty(
                "picture",
                _("No results yet"),
                _(
                    "What this window finishes is kept here, also when its server is off. Work of windows that were"
                    " closed can be taken in."
                ),
                action_button(
                    _("Look for work of closed windows"), "search-orphans", icon_name="adopt", class_="is-small"
                ),
                class_="is-small",
            ),
        ]
    return h.fragment[
        head,
        h.div(".gallery")[((draw_card or ended_card)(item, _) for item in view.cards)],
        view.more > 0
        and h.div(".more")[
            action_button(_.plural("Show {count} older", "Show {count} older", view.more), "show-more")
        ],
    ]  # fmt: skip


def _tabs(view: ResultsView, _: Translator) -> h.Element:
    """The latest of this window, or everything that was made in this browser."""
    is_open = view.album is not None
    return h.div(".results-tabs", role="group", aria_label=_("Which results"))[
        _tab(_("Latest"), "latest", is_on=not is_open), _tab(_("All"), "album", is_on=is_open)
    ]


def _project(view: ResultsView, _: Translator) -> h.Element:
    """What the work of this window is called, in the names of saved files and in the album."""
    label = _("Project of this window")
    return h.label(".project")[
        icon("folder"),
        h.span(".visually-hidden")[label],
        h.input(
            type="text", id="project", value=view.project, placeholder=_("Project"), title=label, maxlength="80",
            data_input="project", data_testid="project", autocomplete="off", spellcheck="false",
        ),
    ]  # fmt: skip


def _tab(label: str, action: str, *, is_on: bool) -> h.Element:
    return h.button(
        type="button", aria_pressed="true" if is_on else "false", data_action=action, id=f"results-{action}"
    )[label]


def _kept(view: ResultsView, _: Translator) -> h.Element:
    """How much lies here, which opens the dialog about it."""
    words = (
        _("{size} kept here", size=_.formats.size(view.kept_size)) if view.kept_size else _("Kept in this browser")
    )  # fmt: skip
    return h.button(".button.is-quiet.is-small.kept-button", type="button", data_action="open-keeping",
                    data_testid="open-keeping")[icon("shelf"), h.span(".numeric")[words]]  # fmt: skip


def ended_card(view: CardView, _: Translator) -> h.Element:
    """One ended task."""
    task = view.task
    words = word_task(task, _)
    is_plain = task.state is TaskState.SUCCEEDED and not task.missing and not task.warnings
    return h.article(
        class_=["card ended", f"tone-{view.tag.tone}", "has-pictures" if view.results else "is-bare"],
        id=f"task-{task.prompt_id}",
        data_testid="task-card",
        data_prompt_id=task.prompt_id,
        data_state=task.shown_state,
        data_server=task.server_id,
        tabindex="-1",
    )[
        bool(view.results) and h.div(class_=["pictures", f"of-{min(len(view.results), 4)}"])[
            (result(view, item, _) for item in view.results)
        ],
        h.div(".card-body")[
            h.div(".card-head")[h.h3[task_title(task.title, _)], server_chip(view.tag)],
            part_label(task),
            h.p(".card-meta")[
                h.span(class_=["state", f"is-{words.tone.value}"])[titled(words)],
                task.ended_at is not None
                and h.span(".quiet.numeric")[_("at {time}", time=_.formats.clock(task.ended_at))],
            ],
            not is_plain and told_rest(words.advice, words.quote),
            _deliveries(view, _),
            task.failure is not None and failure(task.prompt_id, task.failure, words, _, task=task),
            bool(task.warnings) and warnings(task, _),
            _links(view, _),
            details(task, _),
            _actions(view, _),
        ],
    ]  # fmt: skip


def _links(view: CardView, _: Translator) -> h.Node:
    ward = word_ward(view, _)
    return h.fragment[
        ward and h.p(".link-line.quiet")[icon("adopt"), h.span[ward]],
        origin(view, _),
        repeats(view, _),
        editor_note(view, _),
    ]


def told_rest(advice: str, quote: str) -> h.Node:
    """What to do next, and somebody else's own words."""
    return h.fragment[advice and h.p(".told-advice")[advice], quote and h.p(".quote", translate="no")[quote]]


def _actions(view: CardView, _: Translator) -> h.Element:
    task = view.task
    is_asked = may_run_twice(task)
    return h.div(".card-actions")[
        task.state is TaskState.LOST
        and action_button(
            _("Look again"), "look-again", icon_name="retry", class_="is-quiet is-small", prompt_id=task.prompt_id
        ),
        bool(task.workflow)
        and action_button(
            _("Run again …") if is_asked else _("Run again"),
            "ask-run-again" if is_asked else "run-again",
            icon_name="again",
            class_="is-quiet is-small",
            prompt_id=task.prompt_id,
            testid="run-again",
        ),
        bool(task.workflow) and graph_button(task.prompt_id, _),
        icon_button(_("Delete, with its results"), "remove", "trash", prompt_id=task.prompt_id),
    ]


def result(view: CardView, item: ResultView, _: Translator) -> h.Element:
    """One output: its picture if it can be shown, and a download."""
    return h.figure(
        ".result",
        data_testid="result",
        data_delivery=item.output.delivery.value,
        data_index=str(item.index),
    )[
        _shown(view, item, _),
        item.url
        and h.a(
            ".button.icon-only.download",
            href=item.url,
            download=item.download_name,
            aria_label=_("Download"),
            title=_("Download"),
            data_testid="download",
        )[icon("download")],
    ]


def _deliveries(view: CardView, _: Translator) -> h.Node:
    """What became of the results' bytes, said once for all that share it."""
    groups: dict[Words, list[ResultView]] = {}
    for item in view.results:
        groups.setdefault(word_delivery(item.output, _), []).append(item)
    return h.fragment[(_delivery(words, items, len(groups) > 1, _) for words, items in groups.items())]


def _delivery(words: Words, items: list[ResultView], is_counted: bool, _: Translator) -> h.Node:
    size = sum(item.output.size for item in items)
    parts = [_.plural("{count} picture", "{count} pictures", len(items))] if is_counted else []
    parts += [words.title, *([_.formats.size(size)] if size else [])]
    is_good = words.tone in {Tone.GOOD, Tone.BUSY, Tone.QUIET}
    return h.fragment[
        h.p(class_=["delivery", "numeric", "" if is_good else f"is-{words.tone.value}"])[SEPARATOR.join(parts)],
        words.advice and h.p(".told-advice")[words.advice],
    ]


def _shown(view: CardView, item: ResultView, _: Translator) -> h.Element:
    if (played := player(item)) is not None:
        return played
    if (text := shown_text(item)) is not None:
        return _opening(view, item, _("Show large"))[text]
    if item.small or item.url:
        return _opening(view, item, _("Show large"))[
            h.img(
                src=item.small or item.url,
                alt=_("Result of “{title}” from {server}", title=_.known(view.task.title), server=view.tag.name),
                decoding="async",
                data_testid="result-image",
                data_server=view.task.server_id,
            )
        ]
    if item.output.delivery.is_fetchable:
        return _opening(view, item, _("Fetch it from {server}", server=view.tag.name))[
            h.span(".result-blank")[
                icon("picture"), h.span[_("Fetch it from {server}", server=view.tag.name)]
            ]
        ]  # fmt: skip
    is_lost = item.output.delivery in {Delivery.GONE, Delivery.OVERWRITTEN}
    return h.div(".result-blank")[icon("broken" if is_lost else "picture")]


def _opening(view: CardView, item: ResultView, label: str) -> h.Element:
    """What opens a result large."""
    return h.button(
        ".result-open",
        type="button",
        data_action="open-picture",
        data_prompt_id=view.task.prompt_id,
        data_index=str(item.index),
        aria_label=label,
    )


def shown_text(item: ResultView) -> h.Element | None:
    """What a node has shown as a text; None for any other result."""
    return h.pre(".shown-text", translate="no", dir="auto")[item.output.text] if item.output.is_text else None
