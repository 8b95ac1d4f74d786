"""One result large: itself, what it was made with, and what can be done with it."""

from __future__ import annotations

import htpy as h

from app.core.model import Delivery
from app.core.past import seconds_of, seed_and_prompts
from app.ui.kit.errors_html import copy_button
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.parts_html import action_button, icon, icon_button, own, server_chip, told
from app.ui.kit.words import Tone, Words
from app.ui.runs.offers import may_run_twice
from app.ui.runs.state import CardView, ResultView
from app.ui.runs.task_words import word_delivery


def large(card: CardView, index: int, _: Translator, *, is_album: bool) -> h.Element:
    """The dialog."""
    item, task = card.results[index], card.task
    title = _.known(task.title) or _("Untitled")
    is_picture = player(item) is None and bool(item.url or item.small) and not item.output.is_text
    return h.dialog(
        ".dialog.large",
        data_modal="",
        id="large",
        aria_label=title,
        data_testid="picture-dialog",
    )[
        h.div(".large-head")[
            h.span(".large-title", translate="no" if title == task.title else None)[title],
            server_chip(card.tag),
            is_album and _steps(_),
            item.output.is_text and copy_button("large-text", _("Copy the text"), _),
            item.url
            and h.a(".button.is-small", href=item.url, download=item.download_name)[
                icon("download"), h.span[_("Download")]
            ],
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        h.div(".large-body")[
            h.div(".large-stage", id=f"large-{task.prompt_id}-{index}")[  # never another one's picture while one loads
                _shown(card, item, _) or icon("picture", "large-blank"),
                is_picture and _zoom(_),
                not item.url and _no_original(card, item, _),
            ],
            _about(card, item, _),
        ],
    ]  # fmt: skip


def _steps(_: Translator) -> h.Element:
    """To the results beside this one; the arrow keys do the same (`static/js/large.js`)."""
    return h.span(".large-steps")[
        icon_button(_("Previous result"), "album-step", "left", by="-1"),
        icon_button(_("Next result"), "album-step", "right", by="1"),
    ]


def _zoom(_: Translator) -> h.Element:
    """`static/js/large.js` does it; keys: + - 0."""
    ways = (("out", "minus", _("Smaller")), ("in", "plus", _("Larger")), ("fit", "fit", _("Fit into the window")))
    return h.div(".large-zoom", role="group", aria_label=_("Zoom"))[
        (
            h.button(
                ".button.icon-only", type="button", id=f"zoom-{way}", data_zoom=way, aria_label=label, title=label
            )[icon(name)]
            for way, name, label in (*ways, ("full", "full", _("Full screen")))
        )
    ]


def _about(card: CardView, item: ResultView, _: Translator) -> h.Element:
    """What it was made with, and what can be done with it."""
    task = card.task
    seed, texts = seed_and_prompts(task.workflow)
    seconds = seconds_of(task)
    rows = [
        (_("Server"), own(card.tag.name)),
        (_("Finished"), _.formats.moment(task.ended_at) if task.ended_at is not None else ""),
        (_("Took"), _("{seconds} s", seconds=_.formats.number(seconds, 1)) if seconds is not None else ""),
        (_("Seed"), own(seed) if seed else ""),
        (_("Project"), own(task.project) if task.project else ""),
        (_("File"), own(item.output.filename)),
        (_("Size"), _.formats.size(item.output.size) if item.output.size else ""),
    ]
    is_picture = (item.output.media_type or "image/").startswith("image/")
    return h.aside(".large-about", aria_label=_("About this result"), tabindex="0")[
        bool(task.workflow)
        and h.div(".large-actions")[
            action_button(
                _("Use these settings"), "use-settings", icon_name="arrange", prompt_id=task.prompt_id,
                testid="use-settings",
            ),
            not may_run_twice(task)
            and action_button(
                _("Run again"), "run-again", icon_name="again", prompt_id=task.prompt_id, testid="large-again"
            ),
            item.output.delivery is Delivery.KEPT
            and is_picture
            and action_button(
                _("Download without workflow"), "album-download-bare", icon_name="download",
                name=f"{task.prompt_id}/{item.index}",
            ),
            is_picture and bool(item.url) and _copy(_),
            is_picture
            and action_button(
                _("Use as input"), "use-as-input", icon_name="picture", prompt_id=task.prompt_id,
                index=str(item.index), testid="use-as-input",
            ),
        ],
        h.dl(".facts")[(h.div[h.dt[name], h.dd[value]] for name, value in rows if value)],
        bool(texts)
        and h.fragment[
            h.h3(".large-prompts-title")[_("Prompts")],
            h.div(".large-prompts", translate="no")[(h.p[line] for line in texts.split("\n") if line.strip())],
        ],
    ]  # fmt: skip


def _copy(_: Translator) -> h.Element:
    """`static/js/copy.js` does it."""
    return h.button(
        ".button",
        type="button",
        data_copy_picture="",
        data_copied=_("Copied"),
        data_refused=_("The browser forbids it here: use its own menu on the picture"),
        data_testid="copy-picture",
    )[icon("copy"), h.span[_("Copy the picture")]]


def _shown(card: CardView, item: ResultView, _: Translator) -> h.Node:
    """A result as large as it can be had: itself, else its thumbnail; None if there is neither."""
    if (played := player(item)) is not None:
        return played
    if item.output.is_text:
        return h.pre(".large-text", id="large-text", translate="no", dir="auto", tabindex="0")[item.output.text]
    if not (item.url or item.small):
        return None
    title = _.known(card.task.title) or _("Untitled")
    return h.img(
        class_={"is-small": not item.url},
        src=item.url or item.small,
        alt=_("Result of “{title}” from {server}", title=title, server=card.tag.name),
    )


def _no_original(card: CardView, item: ResultView, _: Translator) -> h.Element | None:
    """Why the picture itself is not shown: on its way, or what became of it."""
    if item.output.delivery is Delivery.KEPT:
        return None  # it is being read, which takes no time worth a word
    if item.is_coming:
        words = Words(_("Fetching the original from {server} …", server=card.tag.name), tone=Tone.BUSY)
    else:
        words = word_error(item.error, _) if item.error is not None else word_delivery(item.output, _)
    return h.div(".large-words", role="status")[told(words)]


def player(item: ResultView) -> h.Element | None:
    """A film or a sound whose bytes are at hand; None for any other result."""
    match item.output.media_type.partition("/")[0]:
        case "video" if item.url:
            return h.video(src=item.url, controls=True, loop=True, muted=True)
        case "audio" if item.url:
            return h.audio(src=item.url, controls=True)
    return None
