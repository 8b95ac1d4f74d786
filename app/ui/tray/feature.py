"""The tray: files that other apps have shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.ui.form.context import Chosen
from app.ui.kit.feature import Feature, Part, Region
from app.ui.kit.projection import Projection
from app.ui.tray.state import TrayState, TrayView, tray_view
from app.ui.tray.tray_html import tray


@dataclass(frozen=True, slots=True)
class TrayPictures:
    """The addresses of pictures of files in the tray, by the files' ids."""

    url: Callable[[str], str] = lambda _name: ""


def _tray(page: Projection) -> TrayView:
    return tray_view(page.ui.of(TrayState), page.of(Chosen).shaped, page.ui.hidden, page.of(TrayPictures).url)


FEATURE = Feature(parts=(Part(TrayView, _tray),), regions={"tray": Region(TrayView, tray)})
