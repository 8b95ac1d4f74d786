"""The commands of results: go to them, go through the album, do something with what is picked, keep and save."""

from __future__ import annotations

from collections.abc import Iterator

from app.ui.kit.commands import Command, Group, Manner, jump
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState
from app.ui.results.album import AlbumView
from app.ui.results.sheets import SheetList
from app.ui.results.state import ResultsView
from app.ui.runs.commands import pieces


def result_commands(page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    results, sheets = page.of(ResultsView), page.of(SheetList).entries
    if sheets:
        yield jump("sheets", _("Contact sheets"))
    yield jump("results", _("Results"))
    for item in sheets:
        yield Command(
            f"sheet:{item.batch_id}", _("Contact sheet"), Group.GO, "grid", "open-sheet",
            (("batchId", item.batch_id),), aside=_.known(item.title),
        )  # fmt: skip
    yield from pieces(results.cards, _)
    if results.album is None:
        yield Command("album", _("All results"), Group.GO, "grid", "album", terms="history gallery album pictures")
    else:
        yield from _album(results.album, _)
    if results.more > 0:
        yield Command("show-more", _("Show older results"), Group.WINDOW, "picture", "show-more")
    yield Command("keeping", _("Storage"), Group.WINDOW, "shelf", "open-keeping", terms="storage disk delete")
    yield Command(
        "saving", _("Names and folder of saved files"), Group.WINDOW, "folder-save", "open-saving",
        terms="disk directory automatic template",
    )  # fmt: skip


def _album(album: AlbumView, _: Translator) -> Iterator[Command]:
    yield Command("latest", _("Latest results"), Group.GO, "picture", "latest")
    search = _("Search prompts, workflows, seeds, files")
    yield Command("album-search", search, Group.GO, "search", "album-text", manner=Manner.JUMP, terms="results")
    yield Command("album-favourites", _("Favourites"), Group.GO, "star", "album-favourites", terms="starred only")
    if album.wish.is_narrow:
        yield Command("album-wide", _("Show all"), Group.GO, "grid", "album-wide")
    yield Command("album-pick-all", _("Pick all"), Group.WORK, "check", "album-pick-all", terms="select results")
    if not album.picked:
        return
    aside = _.plural("{count} picked", "{count} picked", len(album.picked))
    for title, icon, action in (
        (_("Download"), "download", "album-download"),
        (_("Download without workflow"), "download", "album-download-bare"),
        (_("Favourite"), "star", "album-favourite"),
        (_("Compare"), "flow-blend", "album-compare"),
        (_("Delete"), "trash", "album-ask-delete"),
        (_("Pick none"), "close", "album-pick-none"),
    ):
        yield Command(action, title, Group.WORK, icon, action, aside=aside)
