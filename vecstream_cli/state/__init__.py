"""Floor 2: manifest, lock, scan."""
