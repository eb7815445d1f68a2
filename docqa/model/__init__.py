"""The model server's client: chat completions from any server that speaks the OpenAI protocol.

`client` asks for answers and JSON, `capabilities` is what the server can do, `gate` lets so many requests through at
once, `connection` sends them over HTTP, `silence` notices where no byte comes, `wire` checks what does, and
`certainty` is how sure the model was of it. Every failure is a `ModelError`.

Not here: what is asked (`docqa.prompts`), what an answer means (`docqa.readers.vision`), and which server runs on this
machine (`docqa.modelserver`).
"""

from docqa.model.client import CHAT, Completion, JsonReply, ModelClient, Urgency, client_for
from docqa.model.silence import Tell, untold

__all__ = ["CHAT", "Completion", "JsonReply", "ModelClient", "Tell", "Urgency", "client_for", "untold"]
