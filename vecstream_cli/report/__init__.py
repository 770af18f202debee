"""Floor 4: what people and cron see."""
