"""How the schema came to be: frozen SQL, one file per step. Imports nothing of ours: history does not move."""
