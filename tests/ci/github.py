"""The parts of GitHub's API that our steps call, on loopback: comments, and a job's OIDC token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reconciler.sandbox.serve import Embedded

BOT = "github-actions[bot]"


class GitHub:
    """What the API knows. A token may comment when it is in `may_comment`; others only read."""

    def __init__(self, tenant: Embedded | None = None) -> None:
        self.tenant = tenant
        self.comments: list[dict[str, Any]] = []
        self.may_comment: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        """Every bearer token that came here."""
        self.oidc_tokens: set[str] = set()
        self.url = ""

    def post(self, author: str, body: str) -> dict[str, Any]:
        """Add a comment."""
        comment = {"id": len(self.comments) + 1, "user": {"login": author, "type": "Bot"}, "body": body}
        self.comments.append(comment)
        return comment

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, object]:
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.requests.append((method, path))
        self.tokens.add(token)
        if url.path == "/oidc":
            if self.tenant is None or token not in self.oidc_tokens:
                return 401, {}
            jwt = self.tenant.workload_token("owner", audience=query["audience"])
            return 200, {"value": jwt.reveal_text()}
        if method == "GET" and url.path.endswith("/comments"):
            size, page = int(query["per_page"]), int(query["page"])
            return 200, self.comments[size * (page - 1) : size * page]
        if token not in self.may_comment:
            return 403, {"message": "Resource not accessible by integration"}
        text = json.loads(body)["body"]
        if len(text) > 65_536:
            return 422, {"message": "body is too long"}
        if method == "POST" and url.path == "/repos/acme/secrets/issues/7/comments":
            return 201, self.post(BOT, text)
        number = url.path.removeprefix("/repos/acme/secrets/issues/comments/")
        if method == "PATCH" and number.isdecimal():
            self.comments[int(number) - 1]["body"] = text
            return 200, self.comments[int(number) - 1]
        return 404, {}


@contextmanager
def serving(github: GitHub) -> Iterator[GitHub]:
    """Answer on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            token = self.headers.get("authorization", "").removeprefix("Bearer ")
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, found = github.answer(self.command, self.path, token, body)
            raw = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        github.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()
