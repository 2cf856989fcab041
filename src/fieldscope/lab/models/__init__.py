"""The networks that the lab trains: its own, those by name, and heads on bodies."""
