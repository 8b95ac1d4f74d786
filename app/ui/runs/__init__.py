"""Runs: where they go, what waits, what is under way, and what to do when one fails."""
