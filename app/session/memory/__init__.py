"""Ports in memory, for private windows and the self-check."""
