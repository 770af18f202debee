"""Floor 5: what a user types; one file per verb."""
