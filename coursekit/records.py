"""TFRecord and ``tf.train.Example``: what lessons and exercises write and check."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

_LISTS = {"S": "bytes_list", "f": "float_list", "i": "int64_list"}


def encoded(row: Mapping[str, Any]) -> bytes:
    """A ``tf.train.Example`` with one value for each field, ready for a TFRecord.

    Args:
        row: values by name: integers, floats, bytes, or text, which becomes UTF-8.

    Returns:
        The serialized record; equal rows give equal bytes.

    Raises:
        KeyError: a value is of another kind.
    """
    import tensorflow as tf

    example = tf.train.Example()
    for name, value in row.items():
        value = value.encode() if isinstance(value, str) else value
        kind = _LISTS[np.asarray(value).dtype.kind]
        getattr(example.features.feature[name], kind).value.append(value)
    return example.SerializeToString(deterministic=True)


def deal(
    rows: Iterable[Mapping[str, Any]], paths: Sequence[str], compression: str = ""
) -> None:
    """Write rows to TFRecord files, one to each in turn, as cards are dealt.

    Their number need not be known; with n files, file k gets rows k, k + n, k + 2n …

    Args:
        rows: as :func:`encoded` takes them.
        paths: the files, which are made or overwritten.
        compression: ``""``, ``"GZIP"`` or ``"ZLIB"``.
    """
    import tensorflow as tf

    writers = [tf.io.TFRecordWriter(path, compression) for path in paths]
    for row, writer in zip(rows, cycle(writers), strict=False):
        writer.write(encoded(row))
    for writer in writers:
        writer.close()


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0x82F63B78 * (value & 1)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum CRC-32C (Castagnoli) of some bytes, from 0 to 2**32 - 1.

    Source: RFC 3720, section 12.1 and appendix B.4; ``crc32c(b"123456789")`` is
    0xE3069283. The bits are shifted out one by one, eight at a time by the table, and
    whenever a 1 falls out, a constant is mixed in.
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
