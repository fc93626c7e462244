"""Exercise 05.6: ``read_records``."""

import os
import re
import struct
import tempfile
from functools import partial

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_PROBE_FIXED = {f"always {crc}": crc for crc in (0, 1, 2, 2761766872)}
"""Checksums that tell nothing of the bytes. The last one is the same read from either
end, once it is masked; the others tell one slip in masking from another."""


def _probe_crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), RFC 3720, appendix B.4, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _probe_written(records: list[bytes]) -> bytes:
    """The content of a file that TensorFlow writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "night.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for record in records:
                writer.write(record)
        with open(path, "rb") as file:
            return file.read()


def _probe_read_records(answer: Answer, case: Case) -> Plain:
    content, checksum = case.args
    data = content if isinstance(content, bytes) else _probe_written([*content])
    fixed = _PROBE_FIXED.get(checksum)
    crc = _probe_crc32c if fixed is None else lambda data: fixed
    try:
        return {"raised": "nothing", "records": to_plain(answer(data, crc))}
    except ValueError as error:
        number = re.match(r"record (\d+)", str(error), re.IGNORECASE)
    told = f"record {number[1]}" if number else "a message that names no record"
    return {"raised": f"ValueError, {told}", "records": None}


_HEAD, _CHECK = 8, 4
"""Bytes of a length and of a checksum."""


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def _file(records: list[bytes], crc=_probe_crc32c) -> bytes:
    parts = []
    for record in records:
        head = struct.pack("<Q", len(record))
        checks = [struct.pack("<I", _masked(crc(part))) for part in (head, record)]
        parts += [head, checks[0], record, checks[1]]
    return b"".join(parts)


def _records_inputs(rng: np.random.Generator) -> list[Case]:
    def draw(*lengths: int) -> list[bytes]:
        return [rng.bytes(n) for n in lengths]

    def told(records: list[bytes]) -> str:
        sizes = ", ".join(str(len(record)) for record in records)
        return f"records of {sizes} bytes" if records else "an empty file"

    def case(group: str, records: list[bytes], more: str = "", data: bytes = b""):
        call = f"read_records(data, crc32c), {told(records)}{more}"
        return Case(group, (data or _file(records), "crc32c"), call)

    def flipped(k: int, part: str, at: int) -> Case:
        records, start = some, len(_file(some[:k]))
        data = bytearray(_file(records))
        data[start + at] ^= 1 << bit
        more = f"; a bit of record {k} is flipped, in its {part}"
        return case("damage", records, more, bytes(data))

    def cut(k: int, part: str, keep: int) -> Case:
        records = some
        data = _file(records)[: len(_file(records[:k])) + keep]
        more = f"; the file ends in the {part} of record {k}"
        return case("files cut short", records, more, data)

    def other(checksum: str) -> Case:
        records = draw(0, n, 1)
        data = _file(records, lambda part: _PROBE_FIXED[checksum])
        call = f"read_records(data, a checksum that is {checksum}), {told(records)}"
        return Case("another checksum function", (data, checksum), call)

    n, m = int(rng.integers(3, 20)), int(rng.integers(20, 60))
    some = draw(n, m, n + 1, n + 2, m + 1)
    k = int(rng.integers(2, 4))
    size, bit = len(some[k]), int(rng.integers(0, 8))
    written = draw(m, 0, n, 257 + n)
    call = f"read_records(data, crc32c), {told(written)}, written by TensorFlow"
    return [
        case("intact files", draw(n, m, n, 1)),
        case("intact files", draw(256 + m)),
        Case("intact files", (tuple(written), "crc32c"), call),
        case("intact files", []),
        case("empty records", draw(0)),
        case("empty records", draw(n, 0, 0, m)),
        *map(other, _PROBE_FIXED),
        flipped(k, "length", 0),
        flipped(k, "length", 1),  # longer by 256 or more: beyond the end
        flipped(k, "checksum of the length", _HEAD + bit % 4),
        flipped(k, "data", _HEAD + _CHECK + bit % size),
        flipped(k - 1, "checksum of the data", _end(some[k - 1]) - 1 - bit % 4),
        flipped(0, "checksum of the data", _end(some[0]) - 1),
        cut(k, "length", int(rng.integers(1, _HEAD))),
        cut(k, "checksum of the length", _HEAD + bit % 4),
        cut(4, "data", _HEAD + 2 * _CHECK + bit),
        cut(1, "checksum of the data", _end(some[1]) - 1 - bit % 4),
        cut(0, "data", _HEAD + 2 * _CHECK),
    ]


def _end(record: bytes) -> int:
    """How many bytes a record takes in the file."""
    return _HEAD + _CHECK + len(record) + _CHECK


def _remainder(data: bytes) -> int:
    """CRC-32C as what it is: the remainder of a division of polynomials."""
    bits = int.from_bytes(bytes(int(f"{b:08b}"[::-1], 2) for b in data))
    size = 8 * len(data)
    bits = bits << 32 ^ 0xFFFFFFFF << size
    for place in range(size + 31, 31, -1):
        if bits >> place & 1:
            bits ^= 0x11EDC6F41 << place - 32
    return int(f"{bits ^ 0xFFFFFFFF:032b}"[::-1], 2)


def _records_expected(case: Case) -> Plain:
    content, checksum = case.args
    if not isinstance(content, bytes):
        return {"raised": "nothing", "records": [*content]}

    def stored(part: bytes, crc: bytes) -> bool:
        value = _PROBE_FIXED.get(checksum)
        value = np.uint64(_remainder(part) if value is None else value)
        turned = value >> np.uint64(15) | value << np.uint64(17)
        masked = (turned + np.uint64(0xA282EAD8)).astype("<u4")
        return len(crc) == _CHECK and np.frombuffer(crc, "<u4")[0] == masked

    records, rest = [], content
    while rest:
        head, crc, rest = rest[:8], rest[8:12], rest[12:]
        size = int(np.frombuffer(head, "<u8")[0]) if len(head) == 8 else -1
        record, footer = rest[: max(size, 0)], rest[max(size, 0) :][:4]
        if not (stored(head, crc) and len(record) == size and stored(record, footer)):
            return {"raised": f"ValueError, record {len(records)}", "records": None}
        records.append(record)
        rest = rest[size + 4 :]
    return {"raised": "nothing", "records": records}


def _steps(data, crc32c, order="<", mask=_masked, **how):
    """Each record, or its number if it is refused; the mistakes replace parts."""

    def refused(part, crc):
        return crc != mask(crc32c(part))

    at = number = 0
    while at + how.get("least", 1) <= len(data):
        parts = data[at : at + 8], data[at + 8 : at + 12]
        cut = len(data) < at + 12
        if not cut:
            size = struct.unpack(how.get("length", order) + "Q", parts[0])[0]
            crc = struct.unpack(order + "I", parts[1])[0]
            if how.get("early") and refused(parts[0], crc):
                yield number
                return
            cut = len(data) < at + 12 + size + 4
        if cut:
            yield how.get("cut", number)
            return
        record = data[at + 12 : at + 12 + size]
        footer = struct.unpack_from(order + "I", data, at + 12 + size)[0]
        whole = data[at : at + 12] + record if how.get("whole") else record
        if how.get("head", True) and refused(parts[0], crc):
            yield number
            return
        if how.get("foot", True) and refused(whole, footer):
            yield how.get("bad", number)
            if "bad" not in how:
                return
        else:
            yield record
        at += 12 + size + how.get("footer", 4)
        number += 1


def _read(data, crc32c, says="record {}", **how):
    records = []
    for found in _steps(data, crc32c, **how):
        if isinstance(found, int):
            raise ValueError(says.format(found))
        records += [found] if found is not None else []
    return records


_records_big = partial(_read, order=">")
_records_big_length = partial(_read, length=">")
_records_unmasked = partial(_read, mask=lambda crc: crc)


def _records_wrong_way(data, crc32c):
    def mask(crc):
        return ((crc << 15 | crc >> 17) + 0xA282EAD8) % 2**32

    return _read(data, crc32c, mask=mask)


_records_too_wide = partial(
    _read, mask=lambda crc: (crc >> 15 | crc << 17) + 0xA282EAD8
)
_records_no_checks = partial(_read, head=False, foot=False)
_records_no_footer = partial(_read, foot=False)
_records_no_header = partial(_read, head=False)
_records_whole = partial(_read, whole=True)
_records_footer_stays = partial(_read, footer=0)
_records_tail = partial(_read, cut=None)
_records_tail_late = partial(_read, cut=None, early=True)


def _records_short_tail(data, crc32c):
    return _read(data, crc32c, least=12)


def _records_own_checksum(data, crc32c):
    return _read(data, _probe_crc32c)


def _records_so_far(data, crc32c):
    found = _steps(data, crc32c)
    return [record for record in found if not isinstance(record, int)]


_records_skips = partial(_read, bad=None)


def _records_not_empty(data, crc32c):
    return [record for record in _read(data, crc32c) if record]


def _records_until_empty(data, crc32c):
    records = []
    for found in _steps(data, crc32c):
        if isinstance(found, int):
            raise ValueError(f"record {found}")
        if not found:
            break
        records.append(found)
    return records


def _records_from_one(data, crc32c):
    try:
        return _read(data, crc32c)
    except ValueError as error:
        raise ValueError(f"record {int(str(error).split()[1]) + 1}") from error


_records_no_number = partial(_read, says="the file is damaged")


def _records_struct_error(data, crc32c):
    records, at = [], 0
    while at < len(data):
        size, crc = struct.unpack_from("<QI", data, at)
        if crc != _masked(crc32c(data[at : at + 8])):
            raise ValueError(f"record {len(records)}")
        record = data[at + 12 : at + 12 + size]
        (crc,) = struct.unpack_from("<I", data, at + 12 + size)
        if crc != _masked(crc32c(record)):
            raise ValueError(f"record {len(records)}")
        records.append(record)
        at += 12 + size + 4
    return records


def _records_slices(data, crc32c):
    records, at = [], 0
    while at < len(data):
        size, head = struct.unpack("<QI", data[at : at + 12])
        if head != _masked(crc32c(data[at : at + 8])):
            raise ValueError(f"record {len(records)}")
        record = data[at + 12 : at + 12 + size]
        (foot,) = struct.unpack("<I", data[at + 12 + size : at + 16 + size])
        if foot != _masked(crc32c(record)):
            raise ValueError(f"record {len(records)}")
        records.append(record)
        at += 16 + size
    return records


def _records_late(data, crc32c):
    records, at = [], 0
    while at < len(data):
        size, head = struct.unpack_from("<QI", data, at)
        record = data[at + 12 : at + 12 + size]
        (foot,) = struct.unpack_from("<I", data, at + 12 + size)
        for part, crc in ((data[at : at + 8], head), (record, foot)):
            if crc != _masked(crc32c(part)):
                raise ValueError(f"record {len(records)}")
        records.append(record)
        at += 12 + size + 4
    return records


def _records_variant_struct(data, crc32c):
    try:
        return _records_struct_error(data, crc32c)
    except struct.error:
        pass
    for end in range(len(data) - 1, -1, -1):  # how many are whole?
        try:
            whole = len(_records_struct_error(data[:end], crc32c))
        except struct.error:
            continue
        raise ValueError(f"Record {whole}: the file ends inside it")
    raise ValueError("record 0")


def _records_variant_stream(data, crc32c):
    import io

    file, records = io.BytesIO(data), []

    def part(size):
        found, crc = file.read(size), file.read(4)
        rolled = crc32c(found) * (1 + 2**32) >> 15 & 0xFFFFFFFF
        if (rolled + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little") != crc:
            raise ValueError(f"record {len(records)} is damaged")
        return found

    while file.tell() < len(data):
        size = int.from_bytes(part(8), "little")
        if size > len(data):
            raise ValueError(f"record {len(records)} is cut off")
        records.append(part(size))
    return records


EXERCISE = Exercise(
    id="05.6",
    name="read_records",
    points=5,
    minutes=20,
    difficulty="stretch",
    inputs=_records_inputs,
    probe=_probe_read_records,
    expected=_records_expected,
    mistakes=(
        Mistake(
            "reads all numbers big-endian",
            "A TFRecord file is little-endian: of each number the lowest byte comes "
            'first. `struct.unpack` needs `<`, as in `"<Q"` and `"<I"`; '
            '`int.from_bytes` needs `"little"`.',
            _records_big,
        ),
        Mistake(
            "reads the lengths big-endian",
            "Your lengths are read from the wrong end: a length of 3 becomes a number "
            'of 17 digits. It is stored with the lowest byte first, `"<Q"`; '
            '`int.from_bytes` needs `"little"`.',
            _records_big_length,
        ),
        Mistake(
            "compares checksums that are not masked",
            "What the file holds is not the checksum but the masked one: rotated to "
            "the right by 15 bits, plus 0xa282ead8, modulo 2**32. Mask what `crc32c` "
            "returns in just this way, then compare.",
            _records_unmasked,
        ),
        Mistake(
            "rotates the wrong way",
            "You rotate the checksum to the left. The mask rotates to the **right** by "
            "15 bits: `crc >> 15 | crc << 17`.",
            _records_wrong_way,
        ),
        Mistake(
            "lets the mask grow beyond 32 bits",
            "In Python integers have no limit, so `crc << 17` keeps the bits that 32 "
            "bits have no room for. Cut the sum off: `& 0xffffffff`.",
            _records_too_wide,
        ),
        Mistake(
            "checks nothing",
            "You take the bytes as they are, and a flipped bit becomes data. Compare "
            "both checksums of each record.",
            _records_no_checks,
        ),
        Mistake(
            "does not check the data",
            "You check the length only. The four bytes behind the data are their "
            "checksum: without it, a flipped bit in the data goes unnoticed.",
            _records_no_footer,
        ),
        Mistake(
            "does not check the length",
            "You check the data only. The length has a checksum of its own, in the "
            "four bytes behind it: a wrong length sends the reader anywhere, so it is "
            "checked before it is used.",
            _records_no_header,
        ),
        Mistake(
            "takes the checksum of the whole record",
            "Your second checksum covers length and data. It is that of the data "
            "alone; the length has its own.",
            _records_whole,
        ),
        Mistake(
            "forgets the bytes behind the data",
            "From the second record on you start too early: a record ends with four "
            "bytes of checksum. It takes 8 + 4 + length + 4 bytes.",
            _records_footer_stays,
        ),
        Mistake(
            "takes a cut for the end",
            "The file ends inside a record, and you return what is whole, as if "
            "nothing were missing. Only where a record ends may the file end; else "
            "raise ValueError.",
            _records_tail,
        ),
        Mistake(
            "takes a cut behind a good length for the end",
            "A damaged length is found in yours, but where the file ends inside a "
            "record you return what is whole, as if nothing were missing. Only where a "
            "record ends may the file end; else raise ValueError.",
            _records_tail_late,
        ),
        Mistake(
            "takes a short tail for the end",
            "Your loop ends when too few bytes are left for another record, and what "
            "is left is lost without a word. Go on as long as there are any, `while at "
            "< len(data)`, and raise ValueError if they are too few.",
            _records_short_tail,
        ),
        Mistake(
            "takes a checksum of its own",
            "Your function does not use the `crc32c` that it is given. With files of "
            "another checksum it fails; and it need not know how checksums are made.",
            _records_own_checksum,
        ),
        Mistake(
            "returns what is good so far",
            "At damage you stop and return the records before it. Nobody can tell that "
            "from an intact, shorter file: raise ValueError with the number of the "
            "record.",
            _records_so_far,
        ),
        Mistake(
            "leaves out the damaged record",
            "You pass over a record whose data are damaged and return the others. The "
            "reader loses a record and does not learn of it: raise ValueError.",
            _records_skips,
        ),
        Mistake(
            "drops empty records",
            'A record of no bytes is a record: `b""` belongs in the list. Ask where '
            "you are in the file, not whether the record is empty.",
            _records_not_empty,
        ),
        Mistake(
            "ends at an empty record",
            "You stop at a record of no bytes, with others still to come. The end is "
            "where the file ends: `while at < len(data)`.",
            _records_until_empty,
        ),
        Mistake(
            "counts records from 1",
            "The number in your message is one too large. Records are counted from 0, "
            "so it is `len(records)` at that moment.",
            _records_from_one,
        ),
        Mistake(
            "does not say which record",
            "You raise ValueError, but the message does not begin with the number of "
            "the record. Whoever mends the file looks for it: `raise "
            'ValueError(f"record {len(records)}")`.',
            _records_no_number,
        ),
        Mistake(
            "lets struct complain about a short file",
            "Where the file ends too early, `struct` raises an error of its own. "
            "Before you unpack, ask whether as many bytes are left, and raise "
            "ValueError with the number.",
            _records_struct_error,
        ),
        Mistake(
            "unpacks slices that are too short",
            "A slice beyond the end of the file is short, or empty, and "
            "`struct.unpack` raises an error of its own. Ask how long the slice is "
            "first, and raise ValueError with the number of the record.",
            _records_slices,
        ),
        Mistake(
            "uses the length before it is checked",
            "You unpack the second checksum before you have compared the first. A "
            "damaged length leads beyond the end of the file, and `struct` raises an "
            "error of its own. Check the length before you use it, and whether as many "
            "bytes are left; else raise ValueError with the number.",
            _records_late,
        ),
    ),
    variants=(_records_variant_struct, _records_variant_stream),
    hints=(
        "Keep a place in `data`, and move it on by 8, 4, the length and 4. At each "
        "step ask first whether enough bytes are left.",
        "A helper takes the next n bytes and raises if there are fewer. With it, "
        '`struct.unpack("<QI", take(12))` gives the length and its checksum, and the '
        "lesson's `masked` what to compare with.",
        "For each record: the length and its checksum, which must be "
        "`masked(crc32c(data[at : at + 8]))`; then the data and theirs, "
        "`masked(crc32c(record))`. Whatever does not agree or is missing: `raise "
        'ValueError(f"record {len(records)}")`.',
    ),
    explain="A format that is to last says where each part begins, in which order the "
    "bytes of a number come, and how damage is noticed. The length has a checksum of "
    "its own because everything behind it depends on it. TensorFlow reads such files "
    "in the same way, and its DataLossError is your ValueError.",
)
