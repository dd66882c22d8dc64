"""The one door for writes: arbiter, guardrails, executor, read-back. Nobody else calls a client's write."""
