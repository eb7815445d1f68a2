"""The screens: library, ask, extract. Each tells its story in one `show` function."""
