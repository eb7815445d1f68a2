"""A page in each form that it is needed in.

`words` are its words as they are kept and handed to another process, `text` is what a model is told of them, `image`
and `grid` are its picture as a model looks at it, `vectors` what it looks like to a search.

Not here: the page itself (`docqa.types.Page`), where it is kept (`docqa.store`) and how it is made (`ingest`).
"""
