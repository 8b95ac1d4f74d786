"""The drawing and the list of an open graph: drawn once, since both belong to the page's JavaScript afterwards."""

from __future__ import annotations

from app.ui.graph.graph_html import drawing, node_list
from app.ui.graph.graphs import GraphView
from app.ui.kit.i18n import Translator


def kept_markup(shown: object, view: object, _: Translator) -> dict[str, str]:
    """Return the drawing and the list, by the ids of their places, if `view` is a graph and is not `shown` yet."""
    if not isinstance(view, GraphView) or (sketch := view.drawing.sketch) is None:
        return {}
    known = shown.drawing.sketch if isinstance(shown, GraphView) and shown.key == view.key else None
    places: dict[str, str] = {"graph-list": node_list(sketch, _)} if known is None else {}
    return {**places, "graph-stage": drawing(sketch, _)} if sketch.is_placed and known is not sketch else places
