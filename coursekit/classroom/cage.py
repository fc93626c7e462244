"""bubblewrap around a worker: what is in there, and whether it can be had at all."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from coursekit.classroom import probes, walls
from coursekit.spine import PACKAGE, ROOT

_INSIDE = ("channel", "look", "walls", "wire", "worker")
WORLD = {
    "PATH": "/usr/bin:/bin",
    "USER": "student",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "COURSEKIT_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "MPLBACKEND": "agg",
}


class NoSandbox(RuntimeError):
    """The walls cannot be had on this machine; the text says what is missing."""


def library(place: Path) -> None:
    """Write what of the course a child may see: the engine's open parts, no checks."""
    inner = place / "coursekit"
    (inner / "classroom").mkdir(parents=True)
    shutil.copy(PACKAGE / "classroom" / "student_api.py", inner / "__init__.py")
    shutil.copy(PACKAGE / "syllabus.toml", inner)
    for part in probes.OPEN:
        if (PACKAGE / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PACKAGE / part, inner / part, ignore=ignored)
        elif (PACKAGE / f"{part}.py").exists():
            shutil.copy(PACKAGE / f"{part}.py", inner)
    (inner / "classroom" / "__init__.py").touch()
    for part in _INSIDE:
        shutil.copy(PACKAGE / "classroom" / f"{part}.py", inner / "classroom")
    (place / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    for path in (place, *place.rglob("*")):  # an outcast has to read it
        path.chmod(0o755 if path.is_dir() else 0o644)


def bubblewrap(course: Path, *, drop_root: bool) -> list[str]:
    """The command that runs what follows it in a bare system.

    Args:
        course: the folder that ``library`` wrote; it appears as ``/course``.
        drop_root: keep just the right to become another user, instead of starting in
            a user namespace; for root only.
    """
    command = ["bwrap", "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--hostname", "sandbox"]
    if drop_root:
        command += ["--cap-drop", "ALL"]
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        command += ["--setenv", "COURSEKIT_DROP_ROOT", "1"]
    else:
        command += ["--unshare-user"]
    homes = sorted({sys.base_prefix, sys.base_exec_prefix, sys.prefix})
    homes = [home for home in homes if home.rstrip("/") not in ("", "/usr")]
    # What a child can write must not cover where Python lies.
    covered = any(Path(home).is_relative_to("/tmp") for home in homes)
    scratch = "/scratch" if covered else "/tmp"
    world = WORLD | dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), scratch)
    for name, value in (world | {"KERAS_HOME": f"{scratch}/keras"}).items():
        command += ["--setenv", name, value]
    command += ["--perms", "0755", "--tmpfs", "/tmp"]
    for path in map(Path, ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")):
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            command += ["--ro-bind", str(path), str(path)]
    above = {str(path) for home in homes for path in Path(home).parents}
    for folder in sorted({*above, "/dev", "/dev/shm", "/etc"} - {"/", "/usr", "/tmp"}):
        command += ["--perms", "0755", "--dir", folder]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    command += ["--ro-bind-try", str(course / "hosts"), "/etc/hosts"]
    for home in homes:
        command += ["--ro-bind", home, home]
    # The course may lie within what was just shown; then it is covered up again.
    installed = ROOT.name in ("site-packages", "dist-packages")
    course_home = PACKAGE if installed else ROOT
    if any(course_home.is_relative_to(path) for path in ("/usr", *homes)):
        command += ["--tmpfs", str(course_home)]
        for home in homes:
            if Path(home).is_relative_to(course_home):
                command += ["--ro-bind", home, home]
        command += ["--remount-ro", str(course_home)]
    for device in ("null", "zero", "full", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    command += ["--ro-bind", str(course), "/course", "--proc", "/proc"]
    command += ["--remount-ro", "/tmp", "--perms", "1777", "--tmpfs", scratch]
    return [*command, "--remount-ro", "/", "--chdir", scratch, "--"]


@cache
def drops_root() -> bool:
    """Whether to start as root and drop it; raises NoSandbox when nothing works."""
    if sys.platform != "linux":
        raise NoSandbox(
            f"the sandbox needs Linux namespaces, which {platform.system()} does not "
            "have; on Windows, WSL 2 has them, on a Mac, a Linux virtual machine"
        )
    if platform.machine() not in walls.ARCHITECTURES:
        raise NoSandbox(f"no system call filter for {platform.machine()} processors")
    if shutil.which("bwrap") is None:
        raise NoSandbox("bubblewrap is not installed (apt install bubblewrap)")
    found = []
    with tempfile.TemporaryDirectory(prefix="coursekit-sandbox-") as place:
        course = Path(place)
        library(course)
        for drop_root in (True, False) if os.getuid() == 0 else (False,):
            command = bubblewrap(course, drop_root=drop_root)
            command += [
                sys.executable,
                "-I",
                "-S",
                "/course/coursekit/classroom/walls.py",
            ]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=30, errors="replace"
            )
            if done.stdout == "ok":
                return drop_root
            found.append((done.stdout + done.stderr).strip() or f"{done.returncode}")
    raise NoSandbox(f"bubblewrap cannot raise the walls: {found[0]}{_advice()}")


def _advice() -> str:
    for name, bad, advice in (
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor forbids them"),
        ("kernel/unprivileged_userns_clone", "0", "the kernel is told to forbid them"),
        ("user/max_user_namespaces", "0", "the kernel allows none"),
    ):
        with suppress(OSError):
            if Path("/proc/sys", name).read_text().strip() == bad:
                return f" (user namespaces: {advice}, see /proc/sys/{name})"
    return ""


def require() -> None:
    """Make sure that the walls can be had; takes a tenth of a second, the first time.

    Raises:
        NoSandbox: they cannot; the text says what is missing.
    """
    drops_root()
