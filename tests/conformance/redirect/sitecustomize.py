"""Read by Python itself at the start of another people's client: what it sends to Meta's hosts goes to the sandbox.

Nothing of the client is changed; SANDBOX_GRAPH names the address that its calls go to.
"""

import os

import requests.sessions

_HOSTS = ("https://graph.facebook.com", "https://graph-video.facebook.com")
_send = requests.sessions.Session.send


def _send_home(session, request, **options):
    for host in _HOSTS:
        if request.url.startswith(host + "/"):
            request.url = os.environ["SANDBOX_GRAPH"] + request.url[len(host) :]
    return _send(session, request, **options)


requests.sessions.Session.send = _send_home
