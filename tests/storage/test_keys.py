"""Which fingerprint key is a state's, and who may make the first one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from reconciler.errors import StateError
from reconciler.fingerprint import Key
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.model.state import State
from reconciler.storage.keyfile import KeyFile, new_key
from reconciler.storage.keys import Keys

_STATE: Final = State(name="s", lineage="0" * 32, serial=1, server="t", creator="u", key_id=None)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(file=KeyFile(tmp_path), environ={}, may_make=True)


def _id(key: Key | None) -> str | None:
    return key.id if key else None


def test_a_state_has_its_own_key_or_none(keys: Keys) -> None:
    """Another key is as good as none, wherever it lies; a state without a key takes the one that is here."""
    mine, other = new_key(), new_key()
    assert keys.for_state(_STATE) is None
    keys.keep(mine)
    assert mine.id == _id(keys.for_state(None)) == _id(keys.for_state(_STATE))
    assert mine.id == _id(keys.for_state(replace(_STATE, key_id=mine.id)))
    assert keys.for_state(replace(_STATE, key_id=other.id)) is None
    told = replace(keys, environ={FINGERPRINT_KEY: other.to_text()})
    assert told.for_state(replace(_STATE, key_id=mine.id)) is None
    assert other.id == _id(told.for_state(replace(_STATE, key_id=other.id)))


def test_the_key_from_before_a_rekey_that_was_killed_is_found(keys: Keys) -> None:
    """The new key is in the file, the state is the old one: its key lies beside."""
    old, new = new_key(), new_key()
    keys.keep(old)
    keys.replace(new)
    assert new.id == _id(keys.here())
    assert old.id == _id(keys.for_state(replace(_STATE, key_id=old.id)))


def test_a_first_key_is_made_where_it_would_last(keys: Keys) -> None:
    """Not in CI; and one that is here already is taken, and written nowhere else."""
    assert keys.for_new_stack().id != keys.for_new_stack().id
    with pytest.raises(StateError, match="first apply of a stack in CI needs its key"):
        replace(keys, may_make=False).for_new_stack()
    given = new_key()
    told = replace(keys, environ={FINGERPRINT_KEY: given.to_text()}, may_make=False)
    assert given.id == told.for_new_stack().id
    told.keep(given)
    told.replace(new_key())
    assert not keys.file.path.exists()


def test_the_hint_names_what_can_help(keys: Keys) -> None:
    """A variable only where one is asked: the sandbox has a file of its own."""
    assert keys.hint.startswith(f"set {FINGERPRINT_KEY}, or bring back ")
    sandbox = replace(keys, environ=None)
    assert f"bring back {keys.file.path}" == sandbox.hint
    assert sandbox.lost_hint.startswith(sandbox.hint)
    assert not sandbox.in_environment
