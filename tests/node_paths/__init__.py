"""Makes `wire/path_table.py` from ComfyUI's sources: which inputs of its nodes become paths of files.

    python -m tests.node_paths SOURCES [SOURCES …]            each a checkout of one version of ComfyUI
    python -m tests.node_paths SOURCES … --check              only compare

`flow.py` follows the values of inputs through the code, `node_classes.py` finds the classes, `reviewed.py` has what a
person decided where the code alone does not say it.
"""
