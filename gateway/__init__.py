"""The gateway: it serves the page and passes requests through to the ComfyUI servers."""
