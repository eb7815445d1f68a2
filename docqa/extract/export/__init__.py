"""Tables to files: CSV, XLSX and JSON, each there whole or not at all.

`files` writes a CSV and JSON and knows the form by the file's suffix, `workbook` says what is on the sheets of an XLSX
file and `sheets` how a cell of one is written, `output` is the options of the commands that write a table.

Not here: what a table is (`docqa.extract.table`).
"""

from docqa.extract.export.files import CsvStyle, csv_text, json_text, safe, table_bytes, write_into, write_table

__all__ = ["CsvStyle", "csv_text", "json_text", "safe", "table_bytes", "write_into", "write_table"]
