"""How plain data crosses the wall: self-describing, size-capped, never pickle.

A value is a tag byte and a body; an array carries its dtype and shape. A frame is a
value behind a fixed header with its length. ``decode`` trusts nothing: whatever the
bytes, it returns plain data or raises ``WireError``, and never allocates much more
than the bytes that are really there.
"""

import struct
from math import prod
from typing import Any

import ml_dtypes
import numpy as np

from coursekit.engine.plain import Opaque, Plain, Raised

MAX_FRAME = 32 << 20
MAX_DEPTH = 40
MAX_NODES = 200_000
MAX_INT_BYTES = 512
MAX_KEY_BITS = 64
MAX_ITEM = 1 << 16
"""Bytes in one element of a text array."""

HEADER = struct.Struct("<2sI")
MAGIC = b"CK"

_DTYPES = {
    np.dtype(name).name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"),
        *("uint64", "float16", "float32", "float64", "complex64", "complex128"),
        ml_dtypes.bfloat16,
        *(t for n, t in vars(ml_dtypes).items() if n.startswith("float8_")),
    )
}
_U8, _U16, _U32, _U64 = (struct.Struct(f"<{c}") for c in "BHIQ")
_DOUBLE, _COMPLEX = struct.Struct("<d"), struct.Struct("<dd")
_KEYS = (bool, int, float, str, bytes, type(None))


class WireError(Exception):
    """Bytes that are no plain data, or plain data too large to send."""


def encode(value: Plain) -> bytes:
    """The bytes of a value; what is not plain data goes over as Opaque.

    Raises:
        WireError: too large, too deep, or an integer of more than 4,096 bits.
    """
    out = _Encoder()
    out.value(value, 0)
    return b"".join(out.parts)


def decode(data: bytes) -> Plain:
    """The value of bytes of unknown origin; arrays are fresh and writable.

    Raises:
        WireError: the bytes are not exactly one value within the limits.
    """
    if len(data) > MAX_FRAME:
        raise WireError("frame too large")
    reader = _Decoder(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise WireError("bytes left over")
    return value


def frame(value: Plain) -> bytes:
    """A value with its header, ready to send.

    Raises:
        WireError: as ``encode``.
    """
    body = encode(value)
    return HEADER.pack(MAGIC, len(body)) + body


def body_length(header: bytes) -> int:
    """The length that a frame's header announces.

    Raises:
        WireError: not a header, or more than ``MAX_FRAME``.
    """
    magic, length = HEADER.unpack(header)
    if magic != MAGIC or length > MAX_FRAME:
        raise WireError("bad frame header")
    return length


class _Encoder:
    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.nodes = 0

    def put(self, *parts: bytes) -> None:
        self.parts += parts
        self.size += sum(map(len, parts))
        if self.size > MAX_FRAME:
            raise WireError("more data than may be handed over")

    def sized(self, tag: bytes, body: bytes) -> None:
        self.put(tag, _U32.pack(len(body)), body)

    def value(self, value: Any, depth: int) -> None:
        self.nodes += 1
        if isinstance(value, str | bytes) and len(value) > MAX_FRAME:
            raise WireError("more data than may be handed over")
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError("nested too deeply or too many items")
        kind = type(value)
        if value is None:
            self.put(b"N")
        elif kind is bool:
            self.put(b"T" if value else b"F")
        elif kind is int:
            self.integer(value)
        elif kind is float:
            self.put(b"d", _DOUBLE.pack(value))
        elif kind is complex:
            self.put(b"c", _COMPLEX.pack(value.real, value.imag))
        elif kind is str:
            self.sized(b"s", _utf8(value))
        elif kind is bytes:
            self.sized(b"b", value)
        elif kind in (list, tuple):
            self.put(b"l" if kind is list else b"t", _U32.pack(len(value)))
            for item in value:
                self.value(item, depth + 1)
        elif kind is dict and all(map(_is_key, value)):
            self.put(b"m", _U32.pack(len(value)))
            for key, item in value.items():
                self.value(key, depth + 1)
                self.value(item, depth + 1)
        elif kind is Raised:
            self.put(b"R")
            for part in (value.kind, value.message, value.line, value.source):
                self.value(part, depth + 1)
        elif kind is Opaque:
            self.put(b"O")
            self.value(value.kind, depth + 1)
            self.value(value.text, depth + 1)
        elif isinstance(value, np.ndarray | np.generic) and _name(value.dtype):
            self.array(b"g" if isinstance(value, np.generic) else b"a", value)
        else:
            self.value(Opaque(kind.__name__, ""), depth + 1)

    def integer(self, value: int) -> None:
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES:
            raise WireError("integer too large")
        self.put(b"i", _U16.pack(size), value.to_bytes(size, "little", signed=True))

    def array(self, tag: bytes, value: Any) -> None:
        if value.nbytes > MAX_FRAME or any(n > MAX_FRAME for n in value.shape):
            raise WireError("more data than may be handed over")
        array = np.asarray(value)
        name = _name(array.dtype)
        dtype = _dtype(name)
        raw = array.astype(dtype, copy=False).tobytes()
        self.put(tag, _U8.pack(len(name)), name.encode(), _U8.pack(array.ndim))
        self.put(*(_U64.pack(n) for n in array.shape), raw)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # half a character is data too


def _name(dtype: np.dtype) -> str:
    """How the dtype is written; "" for one that does not cross."""
    if dtype.kind in "SU":
        size = max(dtype.itemsize, 1 if dtype.kind == "S" else 4)
        return f"{dtype.kind}{size}" if size <= MAX_ITEM else ""
    return dtype.name if dtype.name in _DTYPES else ""


def _dtype(name: str) -> np.dtype:
    if name in _DTYPES:
        return _DTYPES[name]
    if name[:1] in ("S", "U") and name[1:].isdecimal() and len(name) <= 6:
        size = int(name[1:])
        if name[0] == "S" and 0 < size <= MAX_ITEM:
            return np.dtype(f"S{size}")
        if name[0] == "U" and 0 < size <= MAX_ITEM and size % 4 == 0:
            return np.dtype(f"<U{size // 4}")
    raise WireError("unknown dtype")


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self.at = 0
        self.nodes = 0

    def take(self, size: int) -> memoryview:
        if size > len(self.data) - self.at:
            raise WireError("cut short")
        piece = self.data[self.at : self.at + size]
        self.at += size
        return piece

    def number(self, form: struct.Struct) -> Any:
        return form.unpack(self.take(form.size))[0]

    def count(self) -> int:
        """A number of items, each of which takes at least a byte."""
        count = self.number(_U32)
        if count > len(self.data) - self.at or count > MAX_NODES:
            raise WireError("more items than bytes")
        return count

    def value(self, depth: int) -> Plain:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError("nested too deeply or too many items")
        match bytes(self.take(1)):
            case b"N":
                return None
            case b"T":
                return True
            case b"F":
                return False
            case b"i":
                size = self.number(_U16)
                if not 0 < size <= MAX_INT_BYTES:
                    raise WireError("integer too large")
                return int.from_bytes(self.take(size), "little", signed=True)
            case b"d":
                return self.number(_DOUBLE)
            case b"c":
                return complex(*_COMPLEX.unpack(self.take(_COMPLEX.size)))
            case b"s":
                return self.text()
            case b"b":
                return bytes(self.take(self.number(_U32)))
            case b"l":
                return [self.value(depth + 1) for _ in range(self.count())]
            case b"t":
                return tuple([self.value(depth + 1) for _ in range(self.count())])
            case b"m":
                return self.mapping(depth)
            case b"R":
                parts = [self.value(depth + 1) for _ in range(4)]
                return Raised(*_checked(parts, (str, str, (int, type(None)), str)))
            case b"O":
                parts = [self.value(depth + 1) for _ in range(2)]
                return Opaque(*_checked(parts, (str, str)))
            case b"a":
                return self.array()
            case b"g":
                array = self.array()
                if array.ndim:
                    raise WireError("a scalar has no shape")
                return array[()]
        raise WireError("unknown tag")

    def text(self) -> str:
        raw = self.take(self.number(_U32))
        try:
            return str(raw, "utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise WireError("not text") from error

    def mapping(self, depth: int) -> dict:
        found: dict = {}
        for _ in range(self.count()):
            key = self.value(depth + 1)
            if not _is_key(key) or key in found:
                raise WireError("bad key")
            found[key] = self.value(depth + 1)
        return found

    def array(self) -> np.ndarray:
        raw_name = bytes(self.take(self.number(_U8)))
        dtype = _dtype(raw_name.decode("ascii", "replace"))
        shape = tuple(self.number(_U64) for _ in range(self.number(_U8)))
        if len(shape) > 32 or any(n > MAX_FRAME for n in shape):
            raise WireError("shape too large")
        raw = self.take(prod(shape) * dtype.itemsize)
        try:
            array = np.frombuffer(bytes(raw), dtype).reshape(shape).copy()
        except ValueError as error:
            raise WireError("no such array") from error
        if dtype.kind == "b":  # any byte but 0 is True; let there be one True only
            array = np.array(array.view(np.uint8) != 0)
        if dtype.kind == "U" and (array.ravel().view(np.uint32) > 0x10FFFF).any():
            raise WireError("not text")
        return array


def _is_key(key: Any) -> bool:
    # Large integers could be chosen to collide, which makes a dict slow.
    large = type(key) is int and key.bit_length() > MAX_KEY_BITS
    return type(key) in _KEYS and not large


def _checked(parts: list[Plain], types: tuple) -> list[Plain]:
    if not all(map(isinstance, parts, types)):
        raise WireError("bad part")
    return parts
