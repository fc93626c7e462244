"""Cut this process, and all that it starts, off the network.

On Linux the process moves into a network namespace that has a loopback and nothing
else: no code, compiled or not, can reach out. Where that is not allowed (some
containers, macOS, Windows) every Python started from here refuses to connect beyond
this machine; compiled code could still do so.
"""

import atexit
import ctypes
import os
import shutil
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

CUT = "COURSEKIT_OFFLINE"
"""Environment variable that says how the network was cut."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def cut_network() -> str:
    """Cut the network off, for good; call it before the process starts threads.

    Returns:
        ``"namespace"``, or ``"guard"`` where only Python code is held back.
    """
    if how := os.environ.get(CUT):
        return how
    how = "namespace" if _enter_namespace() else "guard"
    if how == "guard":
        guard()
        _guard_children()
    os.environ[CUT] = how
    return how


def is_cut() -> bool:
    """Whether this process finds no way to a machine elsewhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # asks for a route, sends nothing
        except OSError:
            return True
    return False


def _enter_namespace() -> bool:
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWNET) != 0:  # needs a privilege, or a user namespace
        if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
            return False
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _raise_loopback()
    return True


def _raise_loopback() -> None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh14x", b"lo", 0)
        name, flags = struct.unpack("16sh14x", fcntl.ioctl(s, _SIOCGIFFLAGS, request))
        fcntl.ioctl(s, _SIOCSIFFLAGS, struct.pack("16sh14x", name, flags | _IFF_UP))


def guard() -> None:
    """Make the sockets of this Python refuse every address but this machine's."""
    if is_guarded():
        return
    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_far(host)
        return resolve(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


def is_guarded() -> bool:
    return getattr(socket.socket.connect, "guarded", False)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *args: Any) -> Any:
        address = args[-1]  # sendto(data, flags, address)
        _refuse_far(address[0] if isinstance(address, tuple) else None)
        return method(self, *args)

    guarded.guarded = True  # type: ignore[attr-defined]
    return guarded


def _refuse_far(host: str | bytes | None) -> None:
    if host is not None and not _is_local(host):
        raise OSError(f"the network is cut off; {host!r} is not this machine")


def _is_local(host: str | bytes) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    return text in ("", "localhost", "::1", "0.0.0.0", "::") or text.startswith("127.")


def _guard_children() -> None:
    """Every Python started from now on imports the guard first."""
    folder = Path(tempfile.mkdtemp(prefix="coursekit-offline-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    course = Path(__file__).resolve().parents[2]
    (folder / "sitecustomize.py").write_text(
        f"import sys\nsys.path.append({str(course)!r})\n"
        "from coursekit.authoring.offline import guard\nguard()\nsys.path.pop()\n"
    )
    inherited = os.environ.get("PYTHONPATH")
    paths = [str(folder), *([inherited] if inherited else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
