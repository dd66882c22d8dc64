"""The one door for writes: arbiter, guardrails, ledger, fence, executor, read-back. Nobody else calls a client's write."""
