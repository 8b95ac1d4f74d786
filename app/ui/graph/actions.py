"""What the person does with a graph: opens it, chooses a node in it, has it arranged once more."""

from __future__ import annotations

from dataclasses import replace

from app.core.model import PromptId
from app.ui.graph.graphs import GraphDialog, Graphs
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Facts


class GraphActions:
    """The hands at a graph. Panning and zooming are none of it: the page's JavaScript does them."""

    def __init__(self, desk: PageContext, graphs: Graphs) -> None:
        self._desk = desk
        self._graphs = graphs

    def act(self, name: str, facts: Facts) -> bool:
        """A click; False if it is none of these."""
        dialog = self._desk.ui.dialog
        match name:
            case "open-graph":
                asked = str(facts.get("promptId", ""))
                self._show(GraphDialog(PromptId(asked) if asked else None))
            case "graph-node" if isinstance(dialog, GraphDialog):
                self._show(replace(dialog, node_id=str(facts.get("nodeId", ""))))
            case "graph-again":
                self._graphs.try_again()
            case _:
                return False
        return True

    def _show(self, dialog: GraphDialog) -> None:
        self._desk.set_ui(replace(self._desk.ui, dialog=dialog))
