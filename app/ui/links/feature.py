"""Links that carry a form: the dialog that shares one."""

from __future__ import annotations

from app.ui.form.context import Chosen
from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState
from app.ui.kit.feature import DialogKind, Feature
from app.ui.kit.projection import Projection
from app.ui.library.listing import published_paths
from app.ui.links.share_html import share
from app.ui.links.sharing import ShareDialog, ShareView, share_view


def _share(dialog: ShareDialog, page: Projection) -> ShareView | None:
    chosen = page.of(Chosen).shaped
    if chosen is None:
        return None
    return share_view(dialog, chosen, page.ui.of(FormState).draft, published_paths(page.of(LibraryEntries)))


FEATURE = Feature(dialogs=(DialogKind(ShareDialog, _share, share),))
