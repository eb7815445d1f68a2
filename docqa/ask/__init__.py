"""Question → checked answer.

`answer` is the whole story of one, `survey` asks a question of every document where `everydocument` says that it is
meant so, `followup` goes on from an earlier question, `voice` is a question that was spoken.

Not here: finding pages (`docqa.find`), reading them (`docqa.readers`) and checking quotes (`docqa.verify`).
"""

from docqa.ask.answer import ask, open_reader
from docqa.readers import finished

__all__ = ["ask", "finished", "open_reader"]
