"""How many calls are too many, and how the answers say so."""
