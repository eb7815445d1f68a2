"""Ingest: an untrusted file in, its pages, words and chunks in the store.

`worker` tells the story, `reading` that of one document; `intake` and `watch` find the files, `sandbox/` runs the
children that meet them, `child/` is what those are, `textsource` chooses among the words they report, `chunks/` cuts
pages into passages, `vectors` is the second pass. Neither `docqa` nor `ui` imports any of it: they meet in the catalog.
"""
