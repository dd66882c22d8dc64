"""The auction market with a hidden truth, usable in process without HTTP; knows no platform's dialect."""
