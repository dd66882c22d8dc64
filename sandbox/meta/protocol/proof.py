"""Meta's proof that a caller knows the app's secret: HMAC-SHA256 of the access token, in lowercase hex."""

import hashlib
import hmac


def is_proof(proof: str, *, secret: str, token: str) -> bool:
    """Say whether an `appsecret_proof` is the token's."""
    wanted = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), proof.encode())
