"""The header and, on a phone, the tabs: which servers work for the window, and how much is under way."""
