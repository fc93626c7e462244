"""Talk to the child of a submission: one request, one reply, each with a deadline.

All that the child sends is of unknown origin. Its output is drained meanwhile, so that
neither side waits for the other, and kept up to a limit.
"""

import select
import socket

from coursekit.classroom import wire
from coursekit.classroom.patience import Patience
from coursekit.engine.plain import Plain

_CHUNK = 1 << 16
MAX_OUTPUT = 1 << 16
MAX_RECEIVED = 128 << 20
"""Bytes of replies from one child, all together."""


class Lost(Exception):
    """The child cannot be talked to any more.

    Attributes:
        hung: it overran its time; otherwise it died or broke the protocol.
        why: in words, for the teacher.
        unsure: that may have been the machine's fault.
    """

    def __init__(self, hung: bool, why: str, unsure: bool = False) -> None:
        super().__init__(why)
        self.hung, self.why, self.unsure = hung, why, unsure


class Channel:
    """The grader's ends of a child's two sockets."""

    def __init__(self, requests: socket.socket, output: socket.socket) -> None:
        self._requests, self._output = requests, output
        self._listening = True
        self._printed = bytearray()
        self._allowance = MAX_RECEIVED
        for end in (requests, output):
            end.setblocking(False)

    def ask(self, request: Plain, patience: Patience) -> Plain:
        """Send a request and wait for its reply.

        Raises:
            Lost: no reply in time, the child is gone, or what it sent is no data.
        """
        self._send(wire.frame(request), patience)
        return self.hear(patience)

    def hear(self, patience: Patience) -> Plain:
        """The next reply.

        Raises:
            Lost: as ``ask``.
        """
        try:
            header = self._receive(wire.HEADER.size, patience)
            length = wire.body_length(header)
            self._allowance -= length
            if self._allowance < 0:
                raise wire.WireError("too much data in all")
            reply = wire.decode(self._receive(length, patience))
        except wire.WireError as error:
            raise Lost(False, f"the code wrote to the grader's channel: {error}") from (
                error
            )
        self._drain()
        return reply

    def printed(self) -> str:
        """What was printed since the last call of this, capped."""
        text = bytes(self._printed).decode("utf-8", "replace")
        self._printed.clear()
        return text

    def close(self) -> None:
        self._requests.close()
        self._output.close()

    def _send(self, data: bytes, patience: Patience) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._requests.send(rest) :]
            except BlockingIOError:
                self._wait(patience, sending=True)
            except OSError as error:
                raise Lost(False, "the process ended") from error

    def _receive(self, size: int, patience: Patience) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                piece = self._requests.recv(min(_CHUNK, size - len(data)))
            except BlockingIOError:
                self._wait(patience)
                continue
            except OSError as error:
                raise Lost(False, "the process ended") from error
            if not piece:
                raise Lost(False, "the process ended")
            data += piece
        return bytes(data)

    def _wait(self, patience: Patience, *, sending: bool = False) -> None:
        """Until the child can be talked to; drains its output meanwhile."""
        while (left := patience.left()) > 0:
            poll = select.poll()
            way = select.POLLOUT if sending else select.POLLIN
            poll.register(self._requests, way)
            if self._listening:
                poll.register(self._output, select.POLLIN)
            ready = {fd for fd, _ in poll.poll(1000 * left)}
            if self._output.fileno() in ready:
                self._drain_once()
            if self._requests.fileno() in ready:
                return
        raise Lost(True, patience.why, patience.unsure)

    def _drain(self) -> None:
        for _ in range(64):  # a thread of the child's may never stop printing
            if not self._listening or not self._drain_once():
                return

    def _drain_once(self) -> bool:
        try:
            piece = self._output.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if not piece:
            self._listening = False
        self._printed += piece[: MAX_OUTPUT - len(self._printed)]
        return bool(piece)
