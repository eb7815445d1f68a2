"""The walls around a child, the pipe through them, and the checks on what comes out of it.

`process` starts, waits for and ends a child, as `launch` says; `walls` finds out which walls stand on this machine;
`wire` is the form of what crosses, for both sides; `untrusted` believes none of it until it was looked at.
"""
