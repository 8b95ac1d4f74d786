"""Mooring, installed. `mooring.__main__` starts it, and `mooring paths` says where its files are."""
