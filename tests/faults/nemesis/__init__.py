"""What goes wrong, written once: deaths, stops, lost and late answers. Judges nothing; experiments do."""
