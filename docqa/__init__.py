"""docqa: private document question answering.

What a document is, how it is kept, found, asked and extracted. Reading untrusted files is not here (see `ingest/`),
and neither is the browser (see `ui/`); this package imports neither.
"""

__version__ = "0.1.0"
