// Arranges one graph with dagre, from left to right, away from the page's thread. It is asked once, and then ended.
//
// In:  {"boxes": [[width, height], …], "lines": [[source, target], …]}
// Out: {"places": [[x, y], …], "bends": [[[x, y], …], …]} with the boxes' upper left corners, or {"error": text}

import { Graph, layout } from "../vendor/dagre/dagre.esm.js";

const BESIDE = 28; // pixels between two boxes of a column
const BETWEEN = 90; // pixels between two columns: a line has room to swing in
const round = (point) => [Math.round(point.x), Math.round(point.y)];

function arrange({ boxes, lines }) {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: BESIDE, ranksep: BETWEEN, edgesep: 14 });
  graph.setDefaultEdgeLabel(() => ({}));
  boxes.forEach(([width, height], number) => graph.setNode(String(number), { width, height }));
  lines.forEach(([source, target], number) => graph.setEdge(String(source), String(target), {}, String(number)));
  layout(graph);
  return {
    places: boxes.map(([width, height], number) => {
      const { x, y } = graph.node(String(number)); // the middle
      return round({ x: x - width / 2, y: y - height / 2 });
    }),
    // The first and the last two points lie at the boxes and in the gaps beside them, where a line finds its own way.
    bends: lines.map(([source, target], number) => {
      const edge = graph.edge(String(source), String(target), String(number));
      return (edge.points ?? []).slice(2, -2).map(round);
    }),
  };
}

onmessage = (event) => {
  let answer;
  try {
    answer = arrange(JSON.parse(event.data));
  } catch (error) {
    answer = { error: String(error) };
  }
  postMessage(JSON.stringify(answer));
};
