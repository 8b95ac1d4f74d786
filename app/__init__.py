"""Mooring in the window: what runs in every browser tab, and imports in CPython too (but `browser` and `main`)."""
