"""The C2SP CCTV vectors: the reference reader, pyrage, and our writer's parts against them."""

import io
from pathlib import Path

import pytest

from reconciler.age import hybrid
from tests.age import reference, table
from tests.age.cctv import ALL, BINARY, Vector

PARSED = [vector for vector in BINARY if vector.expect != "header failure"]
GOOD = [vector for vector in BINARY if vector.expect == "success"]
PYRAGE = [vector for vector in BINARY if table.pyrage_can(vector)]


def name(vector: Vector) -> str:
    return vector.name


def test_the_vectors_are_all_there() -> None:
    """143 files; none is lost on the way, and none of those for us goes unrun."""
    assert len(ALL) == 143
    assert len(BINARY) == 85


@pytest.mark.parametrize("vector", BINARY, ids=name)
def test_reference_reader(vector: Vector) -> None:
    """The tests' own reader ends as the vector says, and releases exactly the payload of that hash."""
    assert vector.expect == table.reference_outcome(vector)


@pytest.mark.parametrize("vector", PYRAGE, ids=name)
def test_pyrage(vector: Vector) -> None:
    """pyrage accepts and rejects as the vectors say, but for the deviations listed by name."""
    expected = table.accept_or_reject(vector)
    if vector.name in table.PYRAGE_DEVIATIONS:
        expected = "success" if expected == "failure" else "failure"
    assert expected == table.pyrage_outcome(vector)


def test_known_deviations_are_of_vectors_that_are_run() -> None:
    """No entry of the list outlives its vector."""
    assert table.PYRAGE_DEVIATIONS.keys() <= {vector.name for vector in PYRAGE}


@pytest.mark.parametrize("vector", PARSED, ids=name)
def test_header_is_written_byte_for_byte(vector: Vector) -> None:
    """From a vector's stanzas and file key our writer makes the very header, MAC included where that is right."""
    parsed = reference.parse_header(vector.data)
    stanzas = [hybrid.stanza(stanza.arguments, stanza.body) for stanza in parsed.stanzas]
    written = hybrid.header(stanzas, vector.file_key)
    if vector.expect == "HMAC failure":
        assert parsed.signed == written[: len(parsed.signed)]
        assert vector.data[: parsed.size] != written
    else:
        assert vector.data[: parsed.size] == written


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_payload_is_written_byte_for_byte(vector: Vector) -> None:
    """From a vector's plaintext, file key and nonce our writer makes the very payload."""
    start = reference.parse_header(vector.data).size
    nonce, payload = vector.data[start : start + 16], vector.data[start + 16 :]
    identities = [reference.identity(text) for text in vector.identities]
    plaintext = reference.decrypt(vector.data, *identities)
    assert payload == b"".join(hybrid.payload(vector.file_key, nonce, io.BytesIO(plaintext)))


def test_table() -> None:
    """The table in the tree is what a run comes to: run, passed, deviations by name."""
    assert Path(__file__).with_name("table.txt").read_text() == table.table()
