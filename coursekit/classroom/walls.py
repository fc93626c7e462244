"""The inner walls, raised by a process around itself: Linux, standard library only.

bubblewrap has already taken away the file system and the network. Here each submission
gets namespaces, a /tmp, a /proc and a loopback of its own, loses every capability, and
may start no process and exceed no limit. The parent kills it as a whole: it is process
1 of its namespace, and everything in there dies with it.
"""

import ctypes
import fcntl
import os
import platform
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

OUTCAST = 65534
"""The user that a worker started by root becomes: root escapes process limits."""

# What the child may not call, by the number on x86-64 and on 64-bit ARM.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    **{"fork": (57, None), "vfork": (58, None), "execve": (59, 221)},
    **{"execveat": (322, 281), "ptrace": (101, 117), "process_vm_readv": (310, 270)},
    **{"process_vm_writev": (311, 271), "process_madvise": (440, 440)},
    **{"pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "kcmp": (312, 272)},
    **{"unshare": (272, 97), "setns": (308, 268)},
    **{"mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41)},
    **{"chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429)},
    **{"fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432)},
    **{"fspick": (433, 433), "mount_setattr": (442, 442), "swapon": (167, 224)},
    **{"swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60)},
    **{"name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265)},
    **{"fanotify_init": (300, 262), "bpf": (321, 280), "userfaultfd": (323, 282)},
    **{"perf_event_open": (298, 241), "io_uring_setup": (425, 425)},
    **{"io_uring_enter": (426, 426), "io_uring_register": (427, 427)},
    **{"keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218)},
    **{"init_module": (175, 105), "finit_module": (313, 273)},
    **{"delete_module": (176, 106), "kexec_load": (246, 104)},
    **{"kexec_file_load": (320, 294), "reboot": (169, 142), "syslog": (103, 116)},
    **{"personality": (135, 92), "iopl": (172, None), "ioperm": (173, None)},
    **{"modify_ldt": (154, None), "move_pages": (279, 239)},
    # Memory that RLIMIT_AS does not count.
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194)},
    **{"msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180)},
}
_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)
_FAMILIES, _TYPES, _PROTOCOLS = (1, 2, 10), (1, 2), (0, 6, 17)
"""Sockets that the child may open, on its loopback: local, TCP and UDP."""
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_NEW_NS, _NEW_CGROUP, _NEW_UTS = 0x00020000, 0x02000000, 0x04000000
_NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
_CLONE_THREAD = 0x00010000
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_MS_PRIVATE_REC, _MS_NOSUID_NODEV, _MS_READ_ONLY = 0x44000, 6, 6 | 1 | 32
_PR_SET_DUMPABLE, _PR_SET_SUBREAPER, _PR_NO_NEW_PRIVS = 4, 36, 38
_PR_CAPBSET_DROP, _PR_SET_SECCOMP, _PR_CAP_AMBIENT = 24, 22, 47

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class WallError(OSError):
    """A wall that could not be raised; the text says which and why."""


def _do(what: str, name: str, *args: object) -> None:
    if getattr(_libc, name)(*args) != 0:
        raise WallError(f"{what}: {os.strerror(ctypes.get_errno())}")


def become_outcast() -> None:
    """Give up root for good; does nothing for an ordinary user."""
    if os.getuid() == 0 and os.environ.get("COURSEKIT_DROP_ROOT"):
        os.setgroups([])
        os.setresgid(OUTCAST, OUTCAST, OUTCAST)
        os.setresuid(OUTCAST, OUTCAST, OUTCAST)
    # A process that changed user may not write its own /proc files otherwise.
    _do("keep /proc", "prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
    _do("adopt orphans", "prctl", _PR_SET_SUBREAPER, 1, 0, 0, 0)


def spawn(inside: Callable[[], None]) -> int:
    """Run ``inside`` as process 1 of fresh namespaces; returns its pid out here.

    The caller must be a subreaper (``become_outcast``) with one thread.

    Raises:
        WallError: the namespaces cannot be made.
    """
    reader, writer = os.pipe()
    if (middle := os.fork()) == 0:
        os.close(reader)
        try:
            _enter_namespaces()
            if (child := os.fork()) == 0:
                os.close(writer)
                try:
                    os.setsid()  # else signals to its group would reach its parents
                    inside()
                finally:
                    os._exit(1)
            os.write(writer, struct.pack("<i", child))
        except BaseException as error:
            os.write(writer, b"\xff\xff\xff\xff" + str(error).encode()[:500])
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(middle, 0)
    pid = struct.unpack("<i", answer[:4])[0] if len(answer) >= 4 else -1
    if pid < 0:
        raise WallError(answer[4:].decode(errors="replace") or "the fork died")
    return pid


def _enter_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    spaces = _NEW_USER | _NEW_PID | _NEW_NS | _NEW_IPC | _NEW_NET | _NEW_UTS
    _do("a user namespace inside the sandbox", "unshare", spaces | _NEW_CGROUP)
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
        ("oom_score_adj", "1000"),  # should memory run out, this one dies first
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any:
        fcntl.ioctl(any, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP_AND_RUNNING))


def raise_walls(*, tmp_bytes: int, memory: int, cpu_seconds: int) -> None:
    """Close everything around this process; there is no way back.

    Args:
        tmp_bytes: size of the scratch folder, the only place that can be written.
        memory: bytes of address space beyond what the process has now.
        cpu_seconds: CPU time until the kernel kills it.

    Raises:
        WallError: a wall could not be raised; nothing untrusted may run then.
    """
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    _mounts(tmp_bytes)
    limit(now + memory, cpu_seconds, tmp_bytes)
    _drop_capabilities()
    _do("no new privileges", "prctl", _PR_NO_NEW_PRIVS, 1, 0, 0, 0)
    _filter_calls()


def limit(address_space: int | None, cpu_seconds: int, file_bytes: int) -> None:
    """The resource limits, in bytes and seconds."""
    limits = {
        "CORE": 0,
        "AS": address_space,
        "CPU": cpu_seconds,
        "FSIZE": file_bytes,
        "NOFILE": 256,
        "NPROC": 256 if address_space else None,  # threads count too
    }
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        if value is not None:
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _mounts(tmp_bytes: int) -> None:
    exe, scratch, kept = os.readlink("/proc/self/exe"), os.environ["TMPDIR"], {}
    for name in ("cpuinfo", "meminfo", "stat", "self/cmdline", "self/status"):
        with open(f"/proc/{name}", "rb") as file:
            kept[name] = file.read()
    _do("private mounts", "mount", b"none", b"/", None, _MS_PRIVATE_REC, None)
    for place, size, nodes in (
        ("/proc", 1 << 20, 64),
        ("/dev/shm", 16 << 20, 256),
        (scratch, tmp_bytes, 4096),
    ):
        options = f"size={size},nr_inodes={nodes},mode=0700".encode()
        target = place.encode()
        args = (b"tmpfs", target, b"tmpfs", _MS_NOSUID_NODEV, options)
        _do(f"a private {place}", "mount", *args)
    # Another process's files in /proc would be a way out; TensorFlow needs but these.
    os.mkdir("/proc/self")
    os.symlink(exe, "/proc/self/exe")
    for name, content in kept.items():
        with open(f"/proc/{name}", "wb") as file:
            file.write(content)
    _do("a fixed /proc", "mount", None, b"/proc", None, _MS_READ_ONLY, None)
    os.chdir(scratch)


def _drop_capabilities() -> None:
    _do("ambient", "prctl", _PR_CAP_AMBIENT, 4, 0, 0, 0)
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # beyond the last one that this kernel knows
    header = ctypes.create_string_buffer(struct.pack("<Ii", 0x20080522, 0))
    _do("capabilities", "capset", header, ctypes.create_string_buffer(24))


def _filter_calls() -> None:
    """A seccomp filter: refuse what no exercise needs, with an error, not a kill."""
    column, audit = ARCHITECTURES[platform.machine()]
    refuse, allow, kill = 0x00050001, 0x7FFF0000, 0x80000000  # 1 is EPERM
    no_such_call = 0x00050000 | 38  # the C library then takes clone instead of clone3

    def ret(value: int) -> tuple[int, int, int, int]:
        return (0x06, 0, 0, value)

    def argument(number: int) -> tuple[int, int, int, int]:
        return (0x20, 0, 0, 16 + 8 * number)

    def one_of(*values: int) -> list[tuple[int, int, int, int]]:
        tests = [(0x15, len(values) - i, 0, v) for i, v in enumerate(values)]
        return [*tests, ret(refuse)]

    program = [(0x20, 0, 0, 4), (0x15, 1, 0, audit), ret(kill), (0x20, 0, 0, 0)]
    if column == 0:  # the x32 calls would go round the numbers below
        program += [(0x35, 0, 1, 0x40000000), ret(refuse)]
    for numbers in _DENIED.values():
        if (number := numbers[column]) is not None:
            program += [(0x15, 0, 1, number), ret(refuse)]
    program += [(0x15, 0, 1, _CLONE3[column]), ret(no_such_call)]
    sockets = [argument(0), *one_of(*_FAMILIES), argument(1), (0x54, 0, 0, 0xF)]
    sockets += [*one_of(*_TYPES), argument(2), *one_of(*_PROTOCOLS), ret(allow)]
    program += [(0x15, 0, len(sockets), _SOCKET[column]), *sockets]
    # clone may make threads only: one process, so one limit on memory.
    program += [(0x15, 0, 3, _CLONE[column]), argument(0)]
    program += [(0x45, 1, 0, _CLONE_THREAD), ret(refuse), ret(allow)]
    code = b"".join(struct.pack("<HBBI", *step) for step in program)
    steps = ctypes.create_string_buffer(code, len(code))
    address = ctypes.addressof(steps)
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program), address))
    _do("a filter of system calls", "prctl", _PR_SET_SECCOMP, 2, head, 0, 0)


def trial() -> None:
    """Raise all walls once around nothing; print what is missing, or ``ok``."""

    def inside() -> None:
        try:
            raise_walls(tmp_bytes=1 << 20, memory=1 << 30, cpu_seconds=5)
            os.write(1, b"ok")
        except BaseException as error:
            os.write(1, str(error).encode())
        os._exit(0)

    try:
        become_outcast()
        pid = spawn(inside)
        os.waitpid(pid, 0)
    except OSError as error:
        os.write(1, str(error).encode())


def computed(pid: int) -> float:
    """The processor time of a process so far, in seconds; 0 if nobody can tell."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            ticks = file.read().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0


def kill(pid: int) -> int:
    """Kill process 1 of a namespace and all in it; returns its wait status."""
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    trial()
