"""Plants synthetic identities in DICOM files, with an answer key, and scores what became of them.

``corpus`` makes the planted files, ``scores`` compares an answer key with what a tool has written.
Nothing here uses the engine, but for its data file ``profile.json``; so any tool can be scored.
"""
