"""Results: the album, saving, deleting, contact sheets, what the browser keeps."""
