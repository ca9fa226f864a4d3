"""Map lines proposed for a resource and an entity, by names, types and sample values. Each is for a person to confirm.

likeness.py  how much two names say the same     reading.py  members of the source, with what samples say of them
proposing.py a value for a field, or why none    writing.py  the map, checked with the project it is for
"""
