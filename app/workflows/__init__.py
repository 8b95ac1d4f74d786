"""Workflows as people have them: read, converted, checked, and written back; values in, values out, as in the core."""
