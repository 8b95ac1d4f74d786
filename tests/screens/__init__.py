"""The page in twelve states that matter, as pictures in both themes and three widths: `python -m tests.screens`."""
