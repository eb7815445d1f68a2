"""The model server: what to start on the card at hand, and proof that the one that runs will do.

`checkpoint` looks through a model's folder, `traps` for what is wrong with it (`modelfiles`: its small files), `plan`
chooses the settings, `launch` runs vLLM with them, `check` asks a running server and `commands` is `docqa model serve`
and `docqa model check`. How questions are put to the server is `docqa.model`'s matter.
"""
