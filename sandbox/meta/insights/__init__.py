"""Figures: from the parameters of a call to rows, at once or as report runs."""
