"""A page without a browser: the rig of the unit tests of `app/ui`."""
