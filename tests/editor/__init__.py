"""Workflows of the ComfyUI editor, drawn by hand: one for each feature of its format, with what a server must get."""
