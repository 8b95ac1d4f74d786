"""The demo's painter: landscapes computed from a text, a seed and a size, refined from broad strokes to fine ones.

There is no model. A few words (night, sea, snow, …) choose the kind of scene; all else follows from a hash.
"""
