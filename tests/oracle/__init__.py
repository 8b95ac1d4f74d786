"""The real ComfyUI editor, asked how it opens and sends workflows, as the reference for ours."""
