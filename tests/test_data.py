"""The data sets of ``coursekit.data``: what they hold, and that it never changes."""

import csv
import hashlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import coursekit as ck
from coursekit.data import mail


def fingerprint(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()[:12]


# -------------------------------------------------------------------- mail


def test_the_archive_is_complete_and_filed_by_digit() -> None:
    images, labels = ck.data.scans()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    assert images.max() == mail.LEVELS - 1
    assert labels.dtype == np.int64 and np.all(np.diff(labels) >= 0)
    assert not images.flags.writeable and not labels.flags.writeable
    some, digits = ck.data.scans((3, 7))
    assert set(digits.tolist()) == {3, 7}
    assert np.array_equal(some, images[np.isin(labels, (3, 7))])


def test_every_digit_has_one_counter() -> None:
    kept = [digit for digits in mail.COUNTERS.values() for digit in digits]
    assert sorted(kept) == list(range(10))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ck.data.post_office(tmp_path_factory.mktemp("mail") / "office")


def from_letters(text: str) -> np.ndarray:
    return np.array([ord(letter) - ord("A") for letter in text]).reshape(8, 8)


def test_the_files_of_the_counters_hold_their_scans(office: Path) -> None:
    read: dict[str, list[tuple[int, np.ndarray]]] = {}
    with np.load(office / "a.npz") as file:
        read["a.npz"] = [*zip(file["labels"], file["images"], strict=True)]
    lines = (office / "c.txt").read_text().splitlines()
    read["c.txt"] = [(int(line[0]), from_letters(line[2:])) for line in lines]
    with open(office / "d.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["digit", *(f"p{k}" for k in range(64))]
    assert not any("0" in row[1:] for row in rows)
    pixels = [np.array([int(p or 0) for p in row[1:]]).reshape(8, 8) for row in rows]
    read["d.csv"] = [(int(r[0]), p) for r, p in zip(rows, pixels, strict=True)]
    table = sqlite3.connect(office / "e.sqlite")
    found = table.execute("SELECT digit, pixels FROM scans ORDER BY id").fetchall()
    table.close()
    read["e.sqlite"] = [(digit, from_letters(text)) for digit, text in found]
    paths = sorted((office / "f").glob("*/*.png"))
    read["f"] = [(int(p.parent.name), np.array(Image.open(p)) // 15) for p in paths]
    assert {*read} == {path.name for path in office.iterdir()}
    for name, pairs in read.items():
        images, labels = ck.data.scans(mail.COUNTERS[name])
        assert [label for label, _ in pairs] == labels.tolist()
        assert np.array_equal([image for _, image in pairs], images)


def test_an_office_can_be_written_twice(office: Path) -> None:
    before = (office / "d.csv").read_bytes()
    assert ck.data.post_office(office) == office
    assert (office / "d.csv").read_bytes() == before


def test_letters_show_the_digits_of_their_codes() -> None:
    images, labels = ck.data.scans()
    known = {
        image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)
    }
    for letter in ck.data.letters(50):
        assert letter.strip.shape == (len(letter.code), 8, 8)
        assert [known[scan.tobytes()] for scan in letter.strip] == letter.digits
        assert letter.digits == [int(digit) for digit in letter.code]


def test_letters_have_the_lengths_of_real_postcodes_and_never_change() -> None:
    letters = ck.data.letters()
    sizes = [len(letter.code) for letter in letters]
    assert len(letters) == 600 and set(sizes) == {*mail.CODE_LENGTHS}
    assert sum(mail.CODE_LENGTHS.values()) == pytest.approx(1)
    assert any(letter.code.startswith("0") for letter in letters)
    assert [x.code for x in letters[:3]] == ["78970", "3504151", "239459"]
    assert fingerprint(*(x.strip for x in letters)) == "ec64f562cbd8"
    assert [x.code for x in ck.data.letters(3, seed=8)] != [x.code for x in letters[:3]]
