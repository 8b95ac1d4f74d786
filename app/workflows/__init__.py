"""Workflows as users have them: parsed, converted, checked, and written back; values in, values out, as in the core."""
