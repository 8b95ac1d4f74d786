"""The tray: files that other apps have shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.core.ports.tray import Tray
from app.ui.form.context import Chosen
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.feature import Feature, Life, PagePart, Region, Service, itself
from app.ui.kit.projection import Projection
from app.ui.kit.services import Services
from app.ui.kit.thumbnails import Sights
from app.ui.runs.run_actions import RunActions
from app.ui.tray.actions import LINK, TrayActions
from app.ui.tray.state import TrayState, TrayView, tray_view
from app.ui.tray.tray_html import tray


@dataclass(frozen=True, slots=True)
class TrayPictures:
    """The addresses of pictures of files in the tray, by the files' ids."""

    url: Callable[[str], str] = lambda _name: ""


@dataclass(frozen=True, slots=True)
class SharedFiles:
    """Where the files are that other apps have shared."""

    tray: Tray


class TraySights(Sights):
    """The pictures of files in the tray."""


def _tray(page: Projection) -> TrayView:
    return tray_view(page.ui.of(TrayState), page.of(Chosen).shaped, page.ui.hidden, page.of(TrayPictures).url)


def _actions(services: Services) -> TrayActions | None:
    given, runs = services.find(SharedFiles), services.of(RunActions)
    if given is None:
        return None
    return TrayActions(
        given.tray,
        services.page,
        services.screen,
        sights=services.of(TraySights),
        deletions=services.of(Deletions),
        take_files=runs.take_files,
        ask_each=lambda files: runs.take_many(None, files, "many"),
    )


def _load(services: Services) -> None:
    if (actions := services.find(TrayActions)) is not None:
        actions.follow()


def _follow_link(services: Services, text: str) -> bool:
    if not text.startswith(LINK):
        return False
    if (actions := services.find(TrayActions)) is not None:
        actions.note_arrival(text)
    return True


FEATURE = Feature(
    parts=(PagePart(TrayView, _tray),),
    regions={"tray": Region(TrayView, tray)},
    services=(
        Service(TraySights, lambda services: TraySights(services.screen, services.page.spawn, services.page.request)),
        Service(TrayActions, _actions, itself),
    ),
    life=Life(
        load=_load,
        follow_link=_follow_link,
        refresh=lambda services: (TrayPictures(services.of(TraySights).url),),
    ),
)
