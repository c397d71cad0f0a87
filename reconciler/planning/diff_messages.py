"""The sentences of the attention that two manifests ask for: what differs and changes no share now."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.address import Address
from reconciler.model.attention import Attention, AttentionCode


def stack_changed(facts: Sequence[str]) -> Attention:
    """Return attention to a manifest that names another stack, tenant or state than before."""
    return Attention(
        code=AttentionCode.STACK_CHANGED,
        text=f"the manifest points elsewhere: {', '.join(facts)}",
        next="shares made there are not taken over: they live on, or are made again",
    )


def gone_changed(facts: Sequence[str]) -> Attention:
    """Return attention to another `moved` or `removed` for secrets that neither manifest has."""
    return Attention(
        code=AttentionCode.GONE_CHANGED,
        text=f"`moved` or `removed` changed for secrets that are gone: {', '.join(facts)}",
        next="this has an effect only if the manifest before this change was not applied yet",
    )


def upkeep_changed(address: Address | None, facts: Sequence[str]) -> Attention:
    """Return attention to what changes no share now, but how later runs treat it, or all of them."""
    return Attention(
        code=AttentionCode.UPKEEP_CHANGED,
        address=address,
        text=f"later runs treat {'it' if address else 'every secret'} differently: {', '.join(facts)}",
        next="approving this change also approves what those runs do, nightly renewals included",
    )


def source_file_changed(address: Address, source: str) -> Attention:
    """Return attention to a secret that is declared as before while its file changed."""
    return Attention(
        code=AttentionCode.SOURCE_FILE_CHANGED,
        address=address,
        text=f"{source} changed: apply replaces the share if its value differs",
    )
