"""Fields × documents → checked cells in a ledger → a spreadsheet.

`fields` is the fields file and `form` what a model is asked; `run` is the story of an extraction, whose documents
`hands` fill, `fill` that of one document: `proof`, `checks`, `confidence`. `table` and `review` are what becomes of the
cells, `export` writes files of them, `commands` is all that on the command line.
"""
