"""The fleet: its file, its servers and their condition, discovery, demo servers."""
