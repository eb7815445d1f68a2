"""The makers of the sample documents, one module per family; `tests/make_sample_docs.py` runs them all.

`paper` draws on sheets, `parts` are the pieces that several families share, `scans` turns sheets into pictures, `truth`
holds the questions and fields that are true of them, and `check` proves that what `truth` says is on the pages.
"""
