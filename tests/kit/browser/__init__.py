"""Real browsers and their windows."""
