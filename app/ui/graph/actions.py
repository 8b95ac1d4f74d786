"""What the user does with a graph: open it, choose a node, retry a failed arrangement."""

from __future__ import annotations

from dataclasses import replace

from app.core.model import PromptId
from app.ui.graph.graphs import GraphDialog, Graphs
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext


class GraphActions:
    """Actions on a graph. The page's JavaScript does panning and zooming."""

    def __init__(self, context: PageContext, graphs: Graphs) -> None:
        self._context = context
        self._graphs = graphs

    @action("open-graph")
    def open_graph(self, prompt_id: PromptId | None = None) -> None:
        """Open the graph of a task, or of the workflow in the form."""
        self._show(GraphDialog(prompt_id or None))

    @action("graph-node")
    def choose_node(self, node_id: str = "") -> None:
        """Choose a node; a click beside all boxes chooses none."""
        dialog = self._context.ui.dialog
        if isinstance(dialog, GraphDialog):
            self._show(replace(dialog, node_id=node_id))

    @action("graph-again")
    def retry(self) -> None:
        """Retry to arrange the graph."""
        self._graphs.retry()

    def _show(self, dialog: GraphDialog) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))
