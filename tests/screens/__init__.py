"""Pictures of the page in twelve states, in both themes and three widths: `python -m tests.screens`."""
