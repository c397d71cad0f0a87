"""What each guard of the protocol is for: take it out, and these scenarios fail. Data; test_guards runs it.

A patch is made in a copy of the package. A guard that could be removed without a test noticing would be a
guess; a text that is no longer there makes its test fail as well.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Guard:
    """A guard, how it is taken out, and which scenarios (or `order`) must fail without it."""

    name: str
    file: str
    old: str
    new: str
    fails: tuple[str, ...]

    def removed(self, directory: Path) -> Path:
        """Return a directory with a copy of the package that lacks the guard."""
        shutil.copytree(
            ROOT / "reconciler", directory / "reconciler", ignore=shutil.ignore_patterns("__pycache__")
        )
        for name in ("tests", "schemas"):
            (directory / name).symlink_to(ROOT / name)
        path = directory / "reconciler" / self.file
        text = path.read_text()
        assert 1 == text.count(self.old), f"{self.name}: what is to be taken out of {self.file} is not there"
        path.write_text(text.replace(self.old, self.new))
        return directory


GUARDS: Final = (
    Guard(
        name="intent record",
        file="operations/run.py",
        old="            self.journal.write(entry)\n",
        new="            if not isinstance(entry, Intent):\n                self.journal.write(entry)\n",
        fails=("H9-killed-text-content-done",),
    ),
    Guard(
        name="bound record",
        file="operations/run.py",
        old="            self.journal.write(entry)\n",
        new="            if not isinstance(entry, Bound):\n                self.journal.write(entry)\n",
        fails=("H9-killed-text-content-done", "C6-text-content-done"),
    ),
    Guard(
        name="tag search",
        file="planning/recovery.py",
        old="    ours = tags.stack_part(name)\n",
        new="    ours = ''\n",
        fails=("C2-text-create-heard", "C12-workdir-text-content-done"),
    ),
    Guard(
        name="pending entry",
        file="operations/apply.py",
        old="pending=tuple(pending.values()))",
        new="pending=())",
        fails=("H9-text-create-lost", "T1-year-ahead-lost"),
    ),
    Guard(
        name="end-of-file check",
        file="sources/reading.py",
        old="self._mac.hexdigest() != self._expected",
        new="False",
        fails=("S1-text-rewritten-after-the-plan", "S2-end-rewritten-during-upload-at-1"),
    ),
    Guard(
        name="record before a revoke",
        file="operations/create.py",
        old="    run.take(DeposedNow(address=address, vault_id=vault_id))\n",
        new="",
        fails=("C9-destroyed-and-applied-again",),
    ),
    Guard(
        name="record before an attempt is given up",
        file="operations/create.py",
        old="    run.take(DeposedNow(address=attempt.address, vault_id=vault_id))\n",
        new="",
        fails=("C9-given-up-replace-text-killed",),
    ),
    Guard(
        name="what cannot be revoked stays in the journal",
        file="operations/apply.py",
        old="    for entry in carried:\n",
        new="    for entry in carried[:0]:\n",
        fails=("H2-cut-names-and-no-revoke",),
    ),
    Guard(
        name="what is left is named",
        file="operations/execute.py",
        old="        self._name_what_is_left()\n",
        new="",
        fails=("H10-dead-url-and-no-revoke",),
    ),
    Guard(
        name="the echo of the tag",
        file="operations/content.py",
        old="    if tags.find(created.display_name) != attempt.tag:\n",
        new="    if False:\n",
        fails=("H2-said-nameless-create",),
    ),
    Guard(
        name="a new vault is read back",
        file="operations/content.py",
        old="    wrong = mismatch(vault, attempt.attributes, str(attempt.tag))\n",
        new="    wrong = None\n",
        fails=("H2-said-another-reader", "H2-said-more-views"),
    ),
    Guard(
        name="no second create without a look",
        file="http/retry.py",
        old="            return again if call.repeatable else InDoubt()\n        case FailureKind.ANSWERED:",
        new="            return again\n        case FailureKind.ANSWERED:",
        fails=("H2-lost-create-is-not-repeated",),
    ),
    Guard(
        name="journal taken in although nothing else changed",
        file="operations/apply.py",
        old=" or stack.workdir.has_journal()",
        new="",
        fails=("C10-old-copy-every-fsync",),
    ),
    Guard(
        name="a newer share than the one that ended is left alone",
        file="planning/old_copies.py",
        old="stays_ended and instance.overtaken_by(old.share)",
        new="False",
        fails=("D6-copies-no-edit-one-after-the-other",),
    ),
    Guard(
        name="a newer share waits for the one that takes its place",
        file="operations/execute.py",
        old="        return instance.overtaken_by(change.before)\n",
        new="        return False\n",
        fails=("D6-copies-create-refused",),
    ),
    Guard(
        name="the key beside the key file",
        file="storage/keys.py",
        old="self.file.kept(key_id)",
        new="None",
        fails=("C7-by-hand-sample",),
    ),
    Guard(
        name="the lost state's journal is out of the way first",
        file="operations/state_commands.py",
        old="        stack.workdir.keep_journal_aside()\n        stack.store.save(replace(state, serial=1))\n",
        new="        stack.store.save(replace(state, serial=1))\n        stack.workdir.keep_journal_aside()\n",
        fails=("C7-recover-by-hand-every-rename",),
    ),
    Guard(
        name="fsync of a new file",
        file="storage/durable.py",
        old="        os.fsync(file.fileno())\n",
        new="",
        fails=("order",),
    ),
    Guard(
        name="fsync of the directory",
        file="storage/durable.py",
        old="        os.fsync(descriptor)\n",
        new="        pass\n",
        fails=("order",),
    ),
    Guard(
        name="fdatasync of a record",
        file="storage/workdir.py",
        old="            os.fdatasync(self._descriptor)\n",
        new="",
        fails=("order",),
    ),
)
