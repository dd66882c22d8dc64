"""The eight commands: what each decides once, what it does until the world agrees, and what it saw. No Celery here."""
