"""Serving the page and its files, and the published workflows."""
