"""Mooring's link in ComfyUI's sidebar: it adds no node and no route, only a script to the editor."""

NODE_CLASS_MAPPINGS: dict[str, type] = {}
WEB_DIRECTORY = "./web"
