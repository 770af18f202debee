"""The benchmark: each stage alone, the whole ring, and the traditional way beside it."""
