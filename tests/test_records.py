"""Examples and checksums: what TensorFlow reads of them, and published values."""

import struct
from pathlib import Path

import numpy as np
import pytest

from coursekit.records import crc32c, deal, encoded
from coursekit.runtime import quiet_import

tf = quiet_import()


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0x00000000),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # RFC 3720, appendix B.4
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_the_checksum_is_as_published(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


def test_the_checksum_is_that_of_a_tfrecord(tmp_path: Path) -> None:
    path = str(tmp_path / "one.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(b"owl")
    data = Path(path).read_bytes()
    for part, stored in ((data[:8], data[8:12]), (data[12:15], data[15:])):
        crc = crc32c(part)
        masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        assert struct.pack("<I", masked) == stored


def test_a_row_becomes_an_example_and_equal_rows_equal_bytes() -> None:
    row = {
        "n": 3,
        "x": np.float32(0.5),
        "text": "Ñ",
        "raw": b"\x00a\x00",
        "m": np.int64(7),
    }
    kinds = {"n": tf.int64, "x": tf.float32, "text": tf.string, "raw": tf.string}
    wanted = {name: tf.io.FixedLenFeature((), k) for name, k in kinds.items()}
    found = tf.io.parse_single_example(encoded(row), wanted)
    assert found["n"] == 3 and found["x"] == 0.5
    assert found["text"].numpy().decode() == "Ñ" and found["raw"] == b"\x00a\x00"
    assert encoded(row) == encoded(dict(reversed(row.items())))


def test_what_fits_no_list_is_refused() -> None:
    with pytest.raises(KeyError):
        encoded({"flag": True})


def test_rows_are_dealt_in_turn_and_none_is_lost(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{k}.gz") for k in range(3)]
    deal(({"n": n} for n in range(7)), paths, "GZIP")
    wanted = {"n": tf.io.FixedLenFeature((), tf.int64)}
    found = [
        [int(tf.io.parse_single_example(r, wanted)["n"]) for r in records]
        for records in (tf.data.TFRecordDataset(p, "GZIP") for p in paths)
    ]
    assert found == [[0, 3, 6], [1, 4], [2, 5]]
