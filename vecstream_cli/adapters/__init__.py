"""Floor 2: rows to a database."""
