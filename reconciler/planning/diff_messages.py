"""The sentences of the attention that two manifests ask for: what differs and changes no share now."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.address import Address
from reconciler.model.attention import Attention, AttentionCode


def stack_changed(facts: Sequence[str]) -> Attention:
    """Tell that the manifest means another stack, tenant or state than before."""
    return Attention(
        code=AttentionCode.STACK_CHANGED,
        text=f"the manifest is of another place now: {', '.join(facts)}",
        next="what the old one made is not taken over by that: it lives on, or is made once more",
    )


def gone_changed(facts: Sequence[str]) -> Attention:
    """Tell that `moved` or `removed` says otherwise what became of secrets that both manifests are without."""
    return Attention(
        code=AttentionCode.GONE_CHANGED,
        text=f"what became of secrets that are gone is said differently: {', '.join(facts)}",
        next="that counts where the manifest as it was is not applied yet, and changes nothing where it is",
    )


def upkeep_changed(address: Address | None, facts: Sequence[str]) -> Attention:
    """Tell of what changes no share now, and what becomes of it, or of all of them, later."""
    return Attention(
        code=AttentionCode.UPKEEP_CHANGED,
        address=address,
        text=f"later runs treat {'it' if address else 'every secret'} differently: {', '.join(facts)}",
        next="what they then do, a nightly run of renewals among it, is approved with this change",
    )


def source_file_changed(address: Address, source: str) -> Attention:
    """Tell of a secret that is declared as before, and whose file is not."""
    return Attention(
        code=AttentionCode.SOURCE_FILE_CHANGED,
        address=address,
        text=f"{source} was changed: apply would replace it if the value is another",
    )
