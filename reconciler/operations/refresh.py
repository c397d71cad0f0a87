"""Ask the tenant what became of our vaults, and which others bear our mark."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.c1.client import Client, Missing
from reconciler.model.state import State
from reconciler.model.vault import Identity, Observed, Vault
from reconciler.operations.concurrency import each
from reconciler.planning.recovery import HORIZON, is_live, strangers
from reconciler.state.ledger import Open

_AT_ONCE: Final = 10


async def refresh(
    client: Client, *, name: str, state: State | None, open_creates: Iterable[Open], identity: Identity
) -> Observed:
    """Read our vaults by search pages, and one by one where a page may be out of date or lacks them.

    Search can lag: what it shows as healthy may be believed for a plan, but nothing is ever decided from its
    word that a vault is empty, ended or missing.
    """
    if state and state.creator != identity.user_id:
        return Observed(now=client.now, identity=identity, vaults={})
    found = await _search(client)
    now = client.now
    ours = (state.held() if state else frozenset()) | {o.vault_id for o in open_creates if o.vault_id}
    unknown = {v.vault_id for v, _ in strangers(state, name, found.values()) if v.status.end is None}
    doubtful = {i for i in ours if i not in found or not is_live(found[i], now)} | unknown
    answers = await _get_all(client, sorted(doubtful))
    sure = {i: v for i, v in found.items() if i not in answers}
    return Observed(
        now=now,
        identity=identity,
        vaults=sure | {i: v for i, v in answers.items() if isinstance(v, Vault)},
        gone=frozenset(i for i, v in answers.items() if v is Missing.GONE),
        hidden=frozenset(i for i, v in answers.items() if v is Missing.HIDDEN),
    )


async def _search(client: Client) -> dict[str, Vault]:
    """Return every vault of this identity that can still be alive, newest first."""
    found: dict[str, Vault] = {}
    async for vault in client.mine():
        if vault.created and client.now - vault.created > HORIZON:
            break
        found[vault.vault_id] = vault
    return found


async def _get_all(client: Client, vault_ids: Iterable[str]) -> dict[str, Vault | Missing]:
    answers: dict[str, Vault | Missing] = {}

    async def get(vault_id: str) -> None:
        answers[vault_id] = await client.get(vault_id)

    await each(vault_ids, get, at_once=_AT_ONCE)
    return answers
