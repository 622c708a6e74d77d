"""An identity provider on loopback: OpenID Connect as far as a sign-in needs it. Whoever comes is who `who` says."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


class Provider:
    """Serves until it is closed; `url` is its issuer."""

    def __init__(self) -> None:
        self.who = "ann@example.com"
        self.says: dict[str, Any] = {}
        """More that it says of whoever comes, or that it says otherwise."""
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.token(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def get(self, request: BaseHTTPRequestHandler) -> None:
        """What it is, its keys, and the page where people would say who they are."""
        asked = urlsplit(request.path)
        if asked.path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            found: dict[str, Any] = {name: f"{self.url}/{path}" for name, path in names.items()}
            found |= {"issuer": self.url, "response_types_supported": ["code"], "subject_types_supported": ["public"]}
            _reply(request, {**found, "id_token_signing_alg_values_supported": ["RS256"]})
        elif asked.path == "/keys":
            _reply(request, {"keys": [self.key.as_dict(private=False)]})
        else:
            told = {name: values[0] for name, values in parse_qs(asked.query).items()}
            code = json.dumps([self.who, told.get("nonce", ""), told["client_id"]])
            request.send_response(302)
            answer = urlencode({"code": code, "state": told["state"]})
            request.send_header("Location", f"{told['redirect_uri']}?{answer}")
            request.end_headers()

    def token(self, request: BaseHTTPRequestHandler) -> None:
        """Who it was, signed."""
        body = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode())
        who, nonce, client = json.loads(body["code"][0])
        now = int(time.time())
        claims = {"iss": self.url, "aud": client, "sub": who, "email": who, "nonce": nonce}
        claims |= {"iat": now, "exp": now + 600} | self.says
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        _reply(request, {"access_token": "a", "token_type": "Bearer", "expires_in": 600, "id_token": signed})


def _reply(request: BaseHTTPRequestHandler, value: object) -> None:
    body = json.dumps(value).encode()
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
