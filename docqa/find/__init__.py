"""Question → ranked pages.

`finder` searches and ranks, `wording` is the words of a question as they are searched for, `subjects` which documents
it names, `rerank` a second look by a model that is off by default.

Not here: the vectors (`docqa.embed`, `docqa.pages.vectors`) and reading what was found (`docqa.readers`).
"""

from docqa.find.finder import Finder, Scope, SearchResult

__all__ = ["Finder", "Scope", "SearchResult"]
