"""A running sandbox and plain HTTP to it. Every successful answer is checked against the API's description."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pyrage
import pytest

from reconciler.sandbox import directory, openapi, reader
from reconciler.sandbox.serve import Embedded
from reconciler.sandbox.settings import Settings

ANA, BO, CY = (directory.user_id(f"{name}@example.com") for name in ("ana", "bo", "cy"))
OCTETS = {"content-type": "application/octet-stream"}


class Tenant:
    """One sandbox, spoken to as several people."""

    def __init__(self, embedded: Embedded, stack: ExitStack) -> None:
        self.embedded = embedded
        self.store = embedded.store
        self._stack = stack
        self._clients: dict[str, httpx.Client] = {}

    def as_(self, name: str) -> httpx.Client:
        """Return a client signed in as an identity."""
        if name not in self._clients:
            self._clients[name] = self.client(self.embedded.tokens[name].reveal_text())
        return self._clients[name]

    def client(self, token: str) -> httpx.Client:
        return self._stack.enter_context(
            httpx.Client(
                base_url=self.embedded.url,
                headers={"authorization": f"Bearer {token}"},
                event_hooks={"response": [self._check]},
            )
        )

    @property
    def owner(self) -> httpx.Client:
        return self.as_("owner")

    def request(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a create that is granted."""
        body = {
            "secretType": "SECRET_TYPE_TEXT",
            "displayName": "db-password",
            "expiresIn": "3600s",
            "maxViews": 0,
            "inputFormat": "SECRET_INPUT_FORMAT_PLAINTEXT",
            "allowedUserIds": [ANA],
        } | changes
        return {name: value for name, value in body.items() if value is not ...}

    def create(self, who: str = "owner", **changes: Any) -> dict[str, Any]:
        """Create an internal secret and return the answer."""
        answer = self.as_(who).post("/api/v1/secrets/internal", json=self.request(**changes))
        assert 200 == answer.status_code, answer.text
        return answer.json()

    def create_file(self, content: bytes, **changes: Any) -> dict[str, Any]:
        about = {"secretType": "SECRET_TYPE_FILE", "filename": "a.bin", "fileSize": str(len(content))}
        return self.create(**(about | changes))

    def fill(self, made: dict[str, Any], content: bytes, who: str = "owner") -> httpx.Response:
        """Set a text secret's content."""
        sealed = base64.b64encode(seal(content, made["ageRecipient"])).decode()
        return self.as_(who).post(
            f"/api/v1/secrets/{made['vaultId']}/content", json={"encryptedContent": sealed}
        )

    def text(self, content: bytes = b"s3cret", **changes: Any) -> str:
        """Make a text secret that is ready and return its vault ID."""
        made = self.create(**changes)
        assert 200 == self.fill(made, content).status_code
        return made["vaultId"]

    def file(self, content: bytes, **changes: Any) -> str:
        """Make a file secret that is ready and return its vault ID."""
        made = self.create_file(content, **changes)
        answer = httpx.put(made["uploadUrl"], content=seal(content, made["ageRecipient"]), headers=OCTETS)
        assert 200 == answer.status_code, answer.text
        return made["vaultId"]

    def get(self, vault_id: str, who: str = "owner") -> dict[str, Any]:
        answer = self.as_(who).get(f"/api/v1/secrets/{vault_id}")
        assert 200 == answer.status_code, answer.text
        return answer.json()["secret"]

    def revoke(self, vault_id: str, who: str = "owner") -> httpx.Response:
        return self.as_(who).request("DELETE", f"/api/v1/secrets/{vault_id}", json={})

    def mine(self, who: str = "owner", **question: Any) -> dict[str, Any]:
        answer = self.as_(who).post("/api/v1/search/secrets/mine", json=question)
        assert 200 == answer.status_code, answer.text
        return answer.json()

    def view(self, vault_id: str, who: str = "ana", recipient: str | None = None) -> httpx.Response:
        recipient = recipient or str(pyrage.x25519.Identity.generate().to_public())
        return self.as_(who).post(f"/api/v1/secrets/{vault_id}/view", json={"readerRecipient": recipient})

    def peek(self, vault_id: str) -> bytes:
        return b"".join(reader.peek(self.store, vault_id))

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        return self.store.log.read(*kinds)

    def _check(self, response: httpx.Response) -> None:
        if response.status_code != 200 or not response.request.url.path.startswith("/api/"):
            return
        response.read()
        for path, methods in openapi.description()["paths"].items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", path)
            if response.request.method.lower() in methods and re.fullmatch(
                pattern, response.request.url.path
            ):
                _, message = openapi.operation(response.request.method, path)
                assert [] == openapi.problems(message, response.json(), self.store.settings.suites)
                return


def seal(content: bytes, recipient: str) -> bytes:
    """Encrypt as a client would."""
    return pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(recipient)])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Tenant]]:
    """Start a sandbox with settings."""
    with ExitStack() as stack:

        def starter(*, people: tuple[str, ...] = (), where: str = "sandbox", **settings: Any) -> Tenant:
            embedded = Embedded(tmp_path / where, settings=Settings(**settings), people=people)
            return Tenant(stack.enter_context(embedded), stack)

        yield starter


@pytest.fixture
def tenant(start: Callable[..., Tenant]) -> Tenant:
    """A sandbox as it comes."""
    return start()
