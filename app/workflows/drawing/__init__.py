"""The drawing of a workflow: boxes, edges and marks."""
