"""Floor 2: a file to blocks of text."""
