"""What a person decided about inputs whose use the code alone does not say."""

from __future__ import annotations

from collections.abc import Mapping

from wire.paths import Use

# The ending or the first part of a file's name, beside the folder or the number that the class adds.
_NAMES = {
    ("LossGraphNode", "filename_prefix"): Use.NAME,  # a name in the folder temp, with the date and time added
    ("PreviewAudio", "format"): Use.NAME,
    ("Rodin3D_Gen25_Image", "geometry_file_format"): Use.NAME,
    ("Rodin3D_Gen25_Text", "geometry_file_format"): Use.NAME,
    ("SaveAudio", "format"): Use.NAME,
    ("SaveAudioAdvanced", "format"): Use.NAME,
    ("SaveAudioMP3", "format"): Use.NAME,
    ("SaveAudioOpus", "format"): Use.NAME,
    ("SaveImageAdvanced", "format"): Use.NAME,
    ("SaveImageDataSetToFolder", "filename_prefix"): Use.NAME,
    ("SaveImageTextDataSetToFolder", "filename_prefix"): Use.NAME,
    ("SaveText", "format"): Use.NAME,  # looked up in a table of endings
}

USES: Mapping[tuple[str, str], Use | None] = {
    **_NAMES,
    ("DiffusersLoader", "model_path"): Use.CHOICE,  # joined to the folders of models, without a look-up
    ("Preview3D", "model_file"): Use.REPEATS,  # a text is only shown; a model in memory gets a random name
    ("Preview3DAnimation", "model_file"): Use.REPEATS,
    ("SaveLoRA", "steps"): None,  # a whole number
    ("SaveLoRANode", "steps"): None,
    ("PreviewImage", "filename_prefix"): None,  # inherited from SaveImage, and no input here: the server drops it
    ("MaskPreview", "filename_prefix"): None,
}
"""By class and input; None for what becomes no path."""
