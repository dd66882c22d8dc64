"""Many calls in one: batches, and sets of calls that are carried out by and by."""
