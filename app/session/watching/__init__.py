"""Watching servers and work: queue, history, events, restarts, stalls, time left."""
