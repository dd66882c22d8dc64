"""Meta's Graph API dialect over the platform's state; another platform's dialect stands beside it, not in it."""
