"""The page: its state, its regions, its actions, and when it is drawn."""
