"""`serve.py gpus`: prints how to start one ComfyUI for each GPU of this machine, and Mooring for all of them."""
