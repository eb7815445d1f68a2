"""Pages cut into passages: `chunk` cuts, `layout` knows titles and headings, `tables` what figures stand under."""
