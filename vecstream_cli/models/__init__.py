"""Floor 2: token ids to vectors."""
