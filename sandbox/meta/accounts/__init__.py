"""The ad account itself: its fields and settings, its history, and what ads can be aimed at."""
