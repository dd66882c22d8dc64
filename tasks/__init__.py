"""What runs: one thin file per cycle. No statistics, no SQL, no HTTP."""
