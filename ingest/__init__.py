"""Ingest: an untrusted file in, its pages, words and chunks in the store.

`worker` tells the story, `reading` that of one document; `intake` finds the files, `sandbox` runs the children that
meet them (`render`, `ocr`), `chunk` cuts pages into passages. Nothing here is imported by `docqa` or `ui`: they meet in
the catalog.
"""
