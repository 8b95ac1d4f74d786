"""Runs: where they go, which wait, which are under way, and what to do when one fails."""
