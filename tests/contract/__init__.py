"""The protocol of any ComfyUI server, checked on the demo and on a real one where given."""
