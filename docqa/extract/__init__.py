"""Fields × documents → checked cells in a ledger → a CSV file.

`fields` reads the fields file, `run` fills the ledger, `values` turns what is printed into values, `export` writes
files, `commands` is all that on the command line.
"""
