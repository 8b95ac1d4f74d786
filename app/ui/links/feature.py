"""Links that carry a form: the dialog that shares one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.ui.form.context import Chosen
from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState, FormView
from app.ui.kit.commands import Command, Group
from app.ui.kit.feature import DialogKind, Feature, Life, Service, itself
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.services import Services
from app.ui.kit.state import UiState
from app.ui.library.library import Library
from app.ui.library.listing import published_paths
from app.ui.library.opening import Opener
from app.ui.links.actions import LinkActions
from app.ui.links.share_html import share
from app.ui.links.sharing import ShareDialog, ShareView, share_view


def _share(dialog: ShareDialog, page: Projection) -> ShareView | None:
    chosen = page.of(Chosen).shaped
    if chosen is None:
        return None
    return share_view(dialog, chosen, page.ui.of(FormState).draft, published_paths(page.of(LibraryEntries)))


def _actions(services: Services) -> LinkActions:
    return LinkActions(services.session, services.page, services.screen, services.of(Library), services.of(Opener))


def _refresh(services: Services) -> Iterable[object]:
    services.of(LinkActions).refresh()
    return ()


def _follow_link(services: Services, text: str) -> bool:
    services.of(LinkActions).follow(text)
    return True


def _commands(page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    if page.of(FormView).chosen is not None:
        yield Command("share", _("Copy a link"), Group.FORM, "link", "open-share", terms="share wiki chat")


FEATURE = Feature(
    commands=(_commands,),
    dialogs=(DialogKind(ShareDialog, _share, share),),
    services=(Service(LinkActions, _actions, itself),),
    life=Life(follow_link=_follow_link, refresh=_refresh),
)
