"""Waiting runs: kept, sent, and shared by a session's windows."""
