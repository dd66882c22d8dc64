"""How a request is signed: the token in a header, the app's proof in the query or form. Nothing else sees either."""

import hashlib
import hmac
from collections.abc import Callable

import requests
from requests.auth import AuthBase

from meta_client.multipart import with_field

_FORM = "application/x-www-form-urlencoded"


class Credentials(AuthBase):
    """Signs a request at the last moment, so that no frame, log line or exception of ours ever holds a secret."""

    def __init__(self, token: Callable[[], str], app_secret: Callable[[], str | None]) -> None:
        self._token = token
        self._app_secret = app_secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token and, with an app's secret, the proof into the request."""
        token, proof = self._secrets()
        request.headers["Authorization"] = f"Bearer {token}"
        if proof is None:
            return request
        if request.method != "POST":
            request.prepare_url(request.url or "", {"appsecret_proof": proof})
        elif isinstance(request.body, bytes):  # multipart
            request.body = with_field(request.body, "appsecret_proof", proof)
        else:
            request.body = f"{request.body}&appsecret_proof={proof}" if request.body else f"appsecret_proof={proof}"
            request.headers["Content-Type"] = _FORM
        return request

    def can_sign(self) -> bool:
        """Whether the token can be one; a line break in it would otherwise end up in an exception of the library."""
        token = self._token().strip()
        return bool(token) and token.isascii() and token.isprintable() and " " not in token

    def _secrets(self) -> tuple[str, str | None]:
        token, secret = self._token().strip(), self._app_secret()
        if not secret:
            return token, None
        return token, hmac.new(secret.strip().encode(), token.encode(), hashlib.sha256).hexdigest()

    def scrub(self, body: bytes) -> bytes:
        """Take our own secrets out of an error's body: Meta quotes a malformed token in its message."""
        for secret in (*self._secrets(), self._app_secret()):
            if secret:
                body = body.replace(secret.encode(), b"[redacted]")
        return body
