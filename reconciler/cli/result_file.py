"""What a program is told of a run: each outcome, as `--json` prints it and `--result` keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.cli import crash, terminal
from reconciler.cli.progress import Reporter
from reconciler.errors import ReconcilerError
from reconciler.model.events import Result
from reconciler.operations.apply import Applied
from reconciler.storage import durable


def write(path: Path, applied: Applied | None, reporter: Reporter, failed: BaseException | None) -> None:
    """Write what is known of every outcome, also when the run died of an error. No share links: CI keeps it."""
    body = as_json(applied, reporter.results, links=False)
    body["left"] = [
        {
            "address": str(left.address) if left.address else None,
            "vault_id": left.vault_id,
            "failure": left.failure,
            "next": left.hint,
        }
        for left in reporter.left
    ]
    if isinstance(failed, ReconcilerError):
        expected = {"expected": failed.expected} if failed.expected else {}
        body["error"] = {"summary": failed.summary, "detail": failed.detail, **expected, "next": failed.hint}
    elif failed:
        body["error"] = {
            "summary": "internal error",
            "detail": crash.describe(failed),
            "next": "run the same command again: it goes on from here",
        }
    try:
        durable.replace(path, terminal.json_text(body).encode() + b"\n")
    except ReconcilerError as error:  # what was done counts, and how it ended: neither may be hidden by this
        terminal.warn(f"--result: {error.detail}; what was done is in the state all the same")


def as_json(applied: Applied | None, results: Sequence[Result], *, links: bool) -> dict[str, object]:
    """Return the outcomes as a JSON object; `applied` is None where the run died of an error."""
    return {
        "format_version": "1.0",
        "name": applied.plan.name if applied else None,
        "declined": applied.declined if applied else False,
        "results": [
            {
                "address": str(result.address),
                "action": result.action.value,
                "outcome": result.outcome.value,
                "vault_id": result.vault_id,
                "share_url": result.share_url if links else None,
                "failure": result.failure,
                "next": result.hint,
            }
            for result in results
        ],
    }
