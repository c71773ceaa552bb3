"""Checkpoints outside the database: a tail that was cut, a chain that was rewritten, a line that was forged."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from accounts.models import Brand
from journal import triggers
from journal.checkpointing import _canonical, checkpoint, compare, public_hex, signing_key
from journal.models import Chain, Entry, Personal, Seal
from journal.recording import TICKER, record
from journal.sealing import GENESIS, seal
from journal.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(slug="maison", name="Maison")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


@pytest.fixture
def noted(brand: Brand, path: Path) -> Iterator[Path]:
    """Three checkpoints as a chain of nine entries grew; then the triggers are away."""
    for _again in range(3):
        for number in range(3):
            record("post.test", TICKER, brand, f"post:{number}")
        checkpoint(path)
    triggers.remove(connection)
    yield path
    triggers.install(connection)


def faults(path: Path, key: str = "") -> list[str]:
    return list(compare(path, key))


def command(*arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue() + err.getvalue()
    return 0, out.getvalue() + err.getvalue()


def cut(brand: Brand, sequence: int) -> None:
    """As whoever holds the database would: the tail goes, and the head is turned back to fit."""
    gone = Seal.objects.filter(brand=brand, sequence__gt=sequence)
    entries = list(gone.values_list("entry_id", flat=True))
    gone._raw_delete("default")
    Personal.objects.filter(entry__in=entries)._raw_delete("default")
    Entry.objects.filter(pk__in=entries)._raw_delete("default")
    head = Seal.objects.get(brand=brand, sequence=sequence).hash
    Chain.objects.filter(brand=brand).update(sequence=sequence, head=head)


def test_a_chain_that_goes_on_is_borne_out(noted: Path, brand: Brand):
    record("post.test", TICKER, brand, "post:9")
    assert faults(noted) == []
    lines = [json.loads(line) for line in noted.read_text().splitlines()]
    assert [(one["slug"], one["sequence"], one["count"]) for one in lines if one["slug"]] == [
        ("maison", 3, 3),
        ("maison", 6, 6),
        ("maison", 9, 9),
    ]
    code, said = command("verify_journal", "--against", str(noted))
    assert (code, "borne out" in said) == (0, True)


def test_a_tail_that_was_cut_is_found_although_the_chain_is_whole(noted: Path, brand: Brand):
    cut(brand, 7)
    assert verify(brand).fault is None, "without a checkpoint nobody would know"
    (found,) = [one for one in faults(noted) if "ends before that now" in one]
    assert "maison" in found
    assert "9 links" in found
    code, said = command("verify_journal", "--against", str(noted))
    assert code == 1
    assert "CHECKPOINT" in said
    assert command("verify_journal")[0] == 0


def test_a_chain_that_was_rewritten_is_found(noted: Path, brand: Brand):
    third = Seal.objects.get(brand=brand, sequence=3).entry
    Entry.objects.filter(pk=third.pk).update(subject="post:forged")
    Seal.objects.filter(brand=brand)._raw_delete("default")
    Chain.objects.filter(brand=brand).update(sequence=0, head=GENESIS, floor=0)
    Chain.objects.filter(brand=None).update(floor=0)
    while seal():
        pass
    assert verify(brand).fault is None
    assert [one.split(":")[1].strip()[:6] for one in faults(noted)] == ["link 3", "link 6", "link 9"]
    assert command("verify_journal", "maison", "--against", str(noted))[0] == 1


def test_a_line_that_was_altered_is_not_ours(noted: Path, brand: Brand):
    cut(brand, 7)
    lines = noted.read_text().splitlines()
    place = max(number for number, line in enumerate(lines) if '"slug": "maison"' in line)
    head = Seal.objects.get(brand=brand, sequence=7).hash
    lines[place] = json.dumps({**json.loads(lines[place]), "sequence": 7, "count": 7, "head": head})
    noted.write_text("\n".join(lines) + "\n")
    assert any(f"Line {place + 1} is not one of our checkpoints" in one for one in faults(noted))


def test_a_line_signed_with_another_key_is_forged(noted: Path, brand: Brand):
    other = Ed25519PrivateKey.generate()
    fields = json.loads(noted.read_text().splitlines()[-1])
    fields |= {"key": public_hex(other)}
    fields["signature"] = other.sign(_canonical(fields)).hex()
    with noted.open("a") as file:
        file.write(json.dumps(fields) + "\n")
    (found,) = faults(noted)
    assert "its signature is not ours" in found


@pytest.mark.parametrize("what", ["taken out", "swapped", "twice"])
def test_lines_follow_one_another(noted: Path, brand: Brand, what: str):
    lines = noted.read_text().splitlines()
    changed = {
        "taken out": [lines[0], *lines[2:]],
        "swapped": [lines[1], lines[0], *lines[2:]],
        "twice": [lines[0], *lines],
    }[what]
    noted.write_text("\n".join(changed) + "\n")
    assert any("does not follow the line before" in one for one in faults(noted))


@pytest.mark.parametrize("text", ["", "{}\n", "x\n", '{"brand": 1}\n', "x" * 5000 + "\n"])
def test_what_is_no_checkpoint_file_is_said(brand: Brand, path: Path, text: str):
    path.write_text(text)
    assert len(faults(path)) == 1


def test_a_line_that_was_cut_short_is_a_fault_and_the_next_stands_on_its_own(noted: Path, brand: Brand):
    noted.write_bytes(noted.read_bytes()[:-40])
    checkpoint(noted)
    found = faults(noted)
    assert len(found) == 1
    assert "its signature is not ours" in found[0]


def test_whoever_verifies_needs_the_public_key_only(noted: Path, brand: Brand):
    key = public_hex(signing_key())
    assert key in command("checkpoint_journal", "--to", str(noted))[1]
    with override_settings(SECRET_KEY="another one, after the keys were turned"):
        assert public_hex(signing_key()) != key
        assert faults(noted, key) == []
        assert len(faults(noted)) == len(noted.read_text().splitlines())
    for wrong in ("x", "00"):
        with pytest.raises(CommandError, match="--key"):
            command("verify_journal", "--against", str(noted), "--key", wrong)


def test_a_file_that_cannot_be_read_or_written_is_said(tmp_path: Path, brand: Brand):
    with pytest.raises(CommandError, match="No such file"):
        command("verify_journal", "--against", str(tmp_path / "nothing"))
    with pytest.raises(CommandError, match="No such file"):
        command("checkpoint_journal", "--to", str(tmp_path / "nowhere" / "file"))
