"""The browser interface: one process, one port, Streamlit with routes of our own around it.

`ui` reads from and writes to the store and asks `docqa`; it never reads an untrusted file itself (that is `ingest`,
in another process). Text of documents and models is shown as text only: never as markdown, never as HTML.
"""
