"""A sender at the other end of a real TCP connection, on the loopback network."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress


class Line:
    """Sends records to whoever connects, and may break off.

    A receiver connects to :attr:`address` and sends a line of text with a number, the
    place of the first record that it wants, counted from 0. The records follow.

    Args:
        records: what is sent, byte for byte.
        breaks: records to a connection; then it is closed. By default all are sent.
        buffer: bytes that the sending side of the network may hold, as a hint to the
            system; by default its own choice.

    Attributes:
        address: host and port.
        sent: records handed to the network, over all connections.
    """

    def __init__(
        self,
        records: Sequence[bytes],
        *,
        breaks: int | None = None,
        buffer: int | None = None,
    ) -> None:
        self.records, self.breaks, self.buffer = records, breaks, buffer
        self.sent = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._door.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._door.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._send, args=(visitor,), daemon=True).start()

    def _send(self, visitor: socket.socket) -> None:
        with visitor, visitor.makefile("rb") as asked, suppress(OSError, ValueError):
            first = int(asked.readline())
            if self.buffer:
                visitor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffer)
            for record in self.records[first:][: self.breaks]:
                visitor.sendall(record)
                self.sent += 1

    def pieces(self, size: int, first: int = 0) -> Iterator[bytes]:
        """Receive from record ``first`` on, in pieces of ``size`` bytes.

        The receiving side of the network holds about as much as one piece.
        """
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
            line.connect(self.address)
            line.sendall(f"{first}\n".encode())
            with line.makefile("rb") as stream:
                while piece := stream.read(size):
                    yield piece

    def lines(self, first: int = 0) -> Iterator[str]:
        """Receive records that are lines of text, up to one that says ``END``.

        Args:
            first: the place of the first record that is wanted.

        Yields:
            The lines, without their ends and without the ``END``.

        Raises:
            ConnectionError: the connection ended, and there was no ``END``.
        """
        with socket.create_connection(self.address) as line:
            line.sendall(f"{first}\n".encode())
            for text in line.makefile(encoding="utf-8"):
                if text == "END\n":
                    return
                yield text.rstrip("\n")
        raise ConnectionError("the line broke off")

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):  # wakes the thread that waits in accept()
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
