"""Floor 3: the ring."""
