"""The open dialog: the question before giving up, one picture large, a graph, or what is kept."""

from __future__ import annotations

import htpy as h

from app.core.model import Delivery
from app.ui.graphs import GraphView
from app.ui.i18n import Translator
from app.ui.keeping import KeepingView
from app.ui.messages import word_error
from app.ui.questions import GiveUpDialog, PictureDialog, RunAgainDialog, SameServerDialog
from app.ui.state import CardView, DialogView, ResultView
from app.ui.task_words import word_delivery
from app.ui.views import questions
from app.ui.views.graph import graph
from app.ui.views.keeping import keeping
from app.ui.views.parts import icon, icon_button, player, server_chip, told
from app.ui.words import Tone, Words


def dialogs(view: DialogView, _: Translator) -> h.Node:
    """The content of `#dialogs`: nothing, or one dialog that is to be shown."""
    if isinstance(view.dialog, KeepingView):
        return keeping(view.dialog, _)
    if isinstance(view.dialog, GraphView):
        return graph(view.dialog, view.tag, _)
    if view.card is None:
        return h.fragment[questions.give_up_record(view.record, _) if view.record is not None else None]
    match view.dialog:
        case GiveUpDialog():
            return questions.give_up(view.card, _)
        case RunAgainDialog(is_elsewhere=is_elsewhere):
            return questions.run_again(view.card, _, is_elsewhere=is_elsewhere)
        case SameServerDialog():
            return questions.same_server(view.card, view.present_address, _)
        case PictureDialog(index=index) if index < len(view.card.results):
            return _picture(view.card, index, _)
    return h.fragment[None]


def _picture(card: CardView, index: int, _: Translator) -> h.Element:
    item = card.results[index]
    title = _.known(card.task.title) or _("Untitled")
    return h.dialog(
        ".dialog.large",
        data_modal="",
        id=f"large-{card.task.prompt_id}-{index}",
        aria_label=title,
        data_testid="picture-dialog",
    )[
        h.div(".large-head")[
            h.span(".large-title", translate="no" if title == card.task.title else None)[title],
            server_chip(card.tag),
            item.url
            and h.a(".button.is-small", href=item.url, download=item.download_name)[
                icon("download"), h.span[_("Download")]
            ],
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        h.div(".large-stage")[
            _shown(card, item, _) or icon("picture", "large-blank"), not item.url and _no_original(card, item, _)
        ],
    ]  # fmt: skip


def _shown(card: CardView, item: ResultView, _: Translator) -> h.Node:
    """A result as large as it can be had: itself, else its thumbnail; None if there is neither."""
    if (played := player(item)) is not None:
        return played
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
