"""What is remembered: tables, migrations and stores. Stores are functions on a Connection and never commit."""
