"""What the user does with a graph: open it, choose a node, retry a failed arrangement."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from app.core.model import PromptId
from app.session import Session
from app.ui.graph.graphs import GraphDialog, Graphs
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext


class GraphActions:
    """Actions on a graph. The page's JavaScript does panning and zooming."""

    def __init__(self, session: Session, context: PageContext, graphs: Graphs) -> None:
        self._session = session
        self._context = context
        self._graphs = graphs

    @action("open-graph")
    def open_graph(self, prompt_id: PromptId | None = None) -> Coroutine[Any, Any, None] | None:
        """Open the graph of a task, or of the workflow in the form. A past task is read first."""
        windows = self._session.windows
        held = {task.prompt_id for window in windows for task in (*window.tasks.values(), *window.quarantined)}
        if prompt_id and prompt_id not in held:
            return self._open_past(prompt_id)
        self._show(GraphDialog(prompt_id or None, returns_to=self._context.ui.opened_from))
        return None

    async def _open_past(self, prompt_id: PromptId) -> None:
        opened_from, task = self._context.ui.opened_from, await self._session.past.read_task(prompt_id)
        self._show(GraphDialog(prompt_id, task=task, returns_to=opened_from))

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
