"""Ingest: an untrusted file in, its pages, words and chunks in the store.

`worker` tells the story, `reading` that of one document; `intake` and `watch` find the files, `sandbox` runs the
children that meet them (`render`, `ocr`), `chunk` cuts pages into passages, `vectors` is the second pass. Nothing here
is imported by `docqa` or `ui`: they meet in the catalog.
"""
