"""Question → checked answer.

`answer` is the whole story of one, `survey` asks a question of every document, `followup` goes on from an earlier
question, `voice` is a question that was spoken.

Not here: finding pages (`docqa.find`), reading them (`docqa.readers`) and checking quotes (`docqa.verify`).
"""

from docqa.ask.answer import ask, finished, open_reader

__all__ = ["ask", "finished", "open_reader"]
