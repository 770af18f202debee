"""Floor 4: the operations, and the Python API."""
