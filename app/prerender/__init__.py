"""The first screen of a new window, drawn in CPython by the code that draws it in the browser.

The gateway runs `python -m app.prerender` beside itself (`__main__.py` has the messages). The browser shows the
drawing with the document, and its own Python takes it over.
"""
