"""Waiting runs: kept, sent, and shared by a tab's sessions."""
