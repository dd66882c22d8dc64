"""The vocabulary of the house: plain frozen values, tables and ports. No I/O, no clock, no randomness."""
