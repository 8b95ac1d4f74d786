"""Commands: the palette, the shortcuts, and what can be done now."""
