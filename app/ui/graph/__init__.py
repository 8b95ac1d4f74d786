"""The graph of a workflow, and a task's nodes in it."""
