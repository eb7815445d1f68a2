"""Behind the walls: what a child runs that is given an untrusted file, or an image made of one.

Nothing on the other side imports any of it: it is started by name, and what it says is checked
(`ingest.sandbox.untrusted`). It knows no store, no settings and no name of a file.
"""
