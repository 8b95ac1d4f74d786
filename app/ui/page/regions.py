"""The page's regions, each with the part that it shows, and what of them has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from app.ui.kit.feature import OpenDialog, Region
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView
from app.ui.page.features import FEATURES

# By the id of the element in index.html.
REGIONS: Mapping[str, Region[Any]] = {
    **{region: item for feature in FEATURES for region, item in feature.regions.items()},
    "dialogs": Region(OpenDialog, OpenDialog.markup),
}
CHANGES = tuple(change for feature in FEATURES for change in feature.changes)


def digest_of(markup: str) -> str:
    """Return a short name for a region's markup, by which the page knows what it was drawn with."""
    return hashlib.sha256(markup.encode()).hexdigest()[:16]


def changed_regions(before: PageView | None, after: PageView, _: Translator) -> dict[str, str]:
    """Return the markup of each region whose part has changed, or of the smaller regions in it that have."""
    if before is None:
        return {region: str(item.draw(after.of(item.kind), _)) for region, item in REGIONS.items()}
    changed = dict[str, str]()
    for region, item in REGIONS.items():
        was, shown = before.of(item.kind), after.of(item.kind)
        if was is shown or was == shown:
            continue
        small = item.patch(was, shown, _) if item.patch is not None else None
        if small is not None:
            changed |= small
        else:
            changed[region] = str(item.redraw(was, shown, _) if item.redraw is not None else item.draw(shown, _))
    return changed


def other_changes(before: PageView | None, after: PageView, _: Translator) -> dict[str, object]:
    """Return what has changed beside the regions, such as the marks of an open graph."""
    return {name: value for change in CHANGES for name, value in change(before, after, _).items()}
