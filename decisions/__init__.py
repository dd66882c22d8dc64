"""Why something should change: one pure file per kind of decision, arrays in, proposals with evidence out.

No I/O, no clock, no logging. A decision never imports another; `registry.py` is where a policy lists its decisions.
"""
