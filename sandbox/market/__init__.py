"""The auction market with a hidden truth, usable in one process without HTTP; knows nothing of any platform's dialect."""
