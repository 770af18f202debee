"""Reading many files, or broken ones, as a parser would: what `fuzz.py` and `formats.py` share."""
