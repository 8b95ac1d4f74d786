"""The contract: what any ComfyUI server must do on the wire; asked of the demo, and of a real one where given."""
