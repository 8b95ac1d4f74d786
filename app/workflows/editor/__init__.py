"""Workflows of ComfyUI's editor: read, converted to API format, and written back."""
