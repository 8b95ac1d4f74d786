"""The real ComfyUI editor, asked how it opens and sends workflows: what we say of it must be so."""
