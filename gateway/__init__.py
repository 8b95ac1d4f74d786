"""The gateway: it serves the page and passes requests to the ComfyUI servers."""
