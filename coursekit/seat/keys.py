"""Single keys from the terminal, without Enter; nothing where there is no terminal."""

import os
import select
import sys
import time
from typing import Any

_POLL = 0.05


class Keys:
    """Use it in a ``with`` block, which gives the terminal back as it was."""

    def __init__(self) -> None:
        self.active = sys.stdin is not None and sys.stdin.isatty()
        self._saved: Any = None

    def __enter__(self) -> "Keys":
        if self.active and os.name == "posix":
            import termios
            import tty

            self._saved = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._saved is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved)

    def pressed(self, wait: float) -> str:
        """The keys pressed within ``wait`` seconds, at once when there is one."""
        if not self.active:
            time.sleep(wait)
            return ""
        if os.name != "posix":
            return self._pressed_windows(wait)
        if not select.select([sys.stdin], [], [], wait)[0]:
            return ""
        data = os.read(sys.stdin.fileno(), 64)
        if not data:  # the terminal is gone
            self.active = False
        text = data.decode("utf-8", "replace").lower()
        return "" if text.startswith("\x1b") else text  # an arrow key says nothing

    def _pressed_windows(self, wait: float) -> str:
        import msvcrt

        end = time.monotonic() + wait
        while time.monotonic() < end:
            if msvcrt.kbhit():  # type: ignore[attr-defined]
                return msvcrt.getwch().lower()  # type: ignore[attr-defined]
            time.sleep(_POLL)
        return ""
