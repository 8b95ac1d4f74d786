"""Each region's markup from its slice of the page. Pure: a value and a Translator in, escaped HTML out.

What a person or a server has named carries `translate="no"`; everything else comes from the catalogue.
"""
