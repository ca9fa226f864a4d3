"""What a new source looks like, from samples or from a description of it, written as a `.map` that is ready to edit.

samples.py    files, recordings and the archive → bodies          evidence.py    bodies → what was seen where
concluding.py evidence → a shape       places.py   where records are, what pages, what identifies
schema.py     JSON Schema → a shape    openapi.py, metadata.py  descriptions of an API → resources
writing.py    all of it → a file in the canonical layout
"""
