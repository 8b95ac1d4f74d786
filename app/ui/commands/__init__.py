"""Commands: the palette, shortcuts, and what can be done now."""
