"""The `stakazo` command: reads what a person typed, calls a room below, prints tables or JSON. No logic lives here."""
