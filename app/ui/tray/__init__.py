"""The tray: files that another app has shared with Mooring, until the user places or removes them."""
