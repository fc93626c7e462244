"""Build the course's environment in ``.venv``; a second run returns at once.

Run it by path, ``python3 coursekit/bootstrap.py [--dev]``, with any Python from 3.6
on: it uses nothing outside the standard library and no newer syntax, so that an
unsuitable Python ends in one sentence and not in a traceback. It imports nothing of
the package that it installs.

What it leaves behind lies in ``.venv``: the environment, ``bootstrap.log`` (all that
pip said) and ``coursekit-stamp.json``, written last, which holds the digests of the
files that the environment was built from. Without a matching stamp the work goes on
where it stopped.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "coursekit-stamp.json")
LOG = os.path.join(VENV, "bootstrap.log")
SCRATCH = os.path.join(VENV, "tmp")
CORE, DEV = "requirements.lock", "requirements-dev.lock"
WINDOWS = os.name == "nt"

NEEDS_GB = 4.5
"""Free disk for a new environment: 3.1 GB stay, 0.9 GB of downloads pass through,
and pip keeps as much again in its cache."""

AGAIN = "Then run the same command again."

PROBE = """
import importlib.util as util, json, platform, struct, sys, sysconfig
print(json.dumps({
    "version": sys.version_info[:3],
    "path": getattr(sys, "_base_executable", None) or sys.executable,
    "cpython": sys.implementation.name == "cpython"
    and not sysconfig.get_config_var("Py_GIL_DISABLED"),
    "bits": struct.calcsize("P") * 8,
    "platform": sysconfig.get_platform(),
    "glibc": platform.libc_ver()[1] if platform.libc_ver()[0] == "glibc" else "",
    "venv": bool(util.find_spec("venv") and util.find_spec("ensurepip")),
    "pip": bool(util.find_spec("pip")),
}))
"""


class Refusal(Exception):
    """The environment cannot be built; the message says what to do, for a learner."""


class NoNetwork(Refusal):
    """No package index could be reached."""


def say(text: str) -> None:
    print(text, flush=True)


# ---------------------------------------------------------------- what is wanted


def read(name: str) -> str:
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def digest(name: str) -> str:
    return hashlib.sha256(read(name).encode()).hexdigest()


def python_range() -> tuple:
    """``((3, 11), (3, 14))`` for ``requires-python = ">=3.11,<3.14"``."""
    bounds = re.search(
        r'^requires-python = ">=(\d+)\.(\d+),<(\d+)\.(\d+)"',
        read("pyproject.toml"),
        re.M,
    )
    if not bounds:
        raise Refusal("pyproject.toml has no requires-python of the form >=3.x,<3.y.")
    low, high = bounds.groups()[:2], bounds.groups()[2:]
    return tuple(map(int, low)), tuple(map(int, high))


def wanted_stamp(dev: bool) -> dict:
    return {
        "root": ROOT,  # scripts in .venv name it: a moved folder needs a new .venv
        "project": digest("pyproject.toml"),
        "core": digest(CORE),
        "dev": digest(DEV) if dev else None,
    }


def found_stamp() -> dict:
    try:
        with open(STAMP, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if os.path.exists(venv_python()) else {}


def covers(found: dict, wanted: dict) -> bool:
    """Whether the environment with that stamp has all that is wanted."""
    if wanted["dev"] is None:
        wanted = dict(wanted, dev=found.get("dev"))
    return found == wanted


# ---------------------------------------------------------------- a suitable Python


def venv_python() -> str:
    return os.path.join(
        VENV, *(("Scripts", "python.exe") if WINDOWS else ("bin", "python"))
    )


def probe(command: list):
    """What that Python is (a dict), or None when it does not run."""
    try:
        done = subprocess.run(
            command + ["-I", "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=60,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def in_range(found: dict) -> bool:
    low, high = python_range()
    return low <= tuple(found["version"][:2]) < high


def candidates() -> list:
    """Commands that may start a suitable Python, this one first."""
    (major, low), (_, high) = python_range()
    names = [f"{major}.{minor}" for minor in range(low, high)]
    commands = [[sys.executable]]
    commands += [[shutil.which(f"python{name}")] for name in names]
    if WINDOWS and shutil.which("py"):
        commands += [["py", f"-{name}"] for name in names]
    return [command for command in commands if command[0]]


def dotted(version: list) -> str:
    return ".".join(map(str, version))


def no_wheels(found: dict) -> str:
    """Why TensorFlow has no wheel for this system; empty where it has one."""
    system = found["platform"]
    glibc = tuple(int(n) for n in re.findall(r"\d+", found["glibc"])[:2])
    if found["bits"] != 64:
        return "this Python is a 32-bit one; install the 64-bit build"
    if system.startswith("macosx") and not system.endswith("arm64"):
        if "universal2" in system and os.uname().machine == "arm64":
            return ""
        return "there is none for Macs with an Intel processor since TensorFlow 2.17"
    if system.startswith("win") and system != "win-amd64":
        return "there is none for Windows on Arm; use WSL"
    if system.startswith("linux") and glibc < (2, 28):
        return "it needs a Linux with glibc 2.28 or newer (not Alpine)"
    return ""


def choose_python() -> dict:
    """The first suitable Python, as `probe` describes it.

    Raises:
        Refusal: there is none, or none that can make an environment.
    """
    (major, low), (_, high) = python_range()
    seen, without_venv = [], None
    for command in candidates():
        found = probe(command)
        if not found:
            continue
        if not (found["cpython"] and in_range(found)):
            seen.append(f"{dotted(found['version'])} ({found['path']})")
        elif no_wheels(found):
            raise Refusal(f"TensorFlow cannot be installed here: {no_wheels(found)}.")
        elif not found["venv"]:
            without_venv = without_venv or found
        else:
            return found
    if without_venv:
        name = "python" + dotted(without_venv["version"][:2])
        if shutil.which("apt-get"):
            raise Refusal(
                f"{name} is here, but without the part that makes environments: run "
                f"`sudo apt install python3-venv` (or `{name}-venv`). {AGAIN}"
            )
        raise Refusal(
            f"{name} is here, but without the modules venv and ensurepip: install "
            f"Python in full, from python.org or your package manager. {AGAIN}"
        )
    versions = ", ".join(f"{major}.{minor}" for minor in range(low, high - 1))
    raise Refusal(
        f"This course needs Python {versions} or {major}.{high - 1}, and found only "
        f"{', '.join(dict.fromkeys(seen)) or 'no Python that starts'}: install one "
        "(python.org, your package manager, or conda as environment.yml says) and run "
        "the same command again; if it is not on PATH, name it: "
        "`make lab PYTHON=/path/to/python3.11`."
    )


# ---------------------------------------------------------------- the environment


def site_packages() -> str:
    if WINDOWS:
        return os.path.join(VENV, "Lib", "site-packages")
    lib = os.path.join(VENV, "lib")
    names = os.listdir(lib) if os.path.isdir(lib) else []
    pythons = [name for name in names if name.startswith("python3")]
    return os.path.join(lib, pythons[0] if pythons else "python3", "site-packages")


def installed() -> list:
    """The ``.dist-info`` folders in the environment, as paths."""
    folder = site_packages()
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, n) for n in names if n.endswith(".dist-info")]


def canonical(name: str) -> str:
    """``tensorflow_hub`` and ``Tensorflow.Hub`` as ``tensorflow-hub``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_disk() -> None:
    """Refuse to start what the disk cannot hold."""
    there = 0
    for folder, _, names in os.walk(VENV):
        for name in names:
            with contextlib.suppress(OSError):
                there += os.lstat(os.path.join(folder, name)).st_size
    needed = max(NEEDS_GB - there / 1e9, 0.5)
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < needed:
        raise Refusal(
            f"The environment needs about {needed:.1f} GB of disk and only {free:.1f} "
            f"GB are free in {ROOT}: make room, or move the course to a bigger disk. "
            f"{AGAIN}"
        )


def make_venv() -> None:
    """Make ``.venv``, or keep the one that works and fits."""
    here = found_stamp().get("root", ROOT) == ROOT
    found = probe([venv_python()]) if here and os.path.isfile(venv_python()) else None
    if found and in_range(found) and not no_wheels(found):
        if found["pip"] or run_quietly([venv_python(), "-I", "-m", "ensurepip"]) == 0:
            return
    python = choose_python()
    if tuple(python["version"][:2]) != sys.version_info[:2]:
        say(f"Using Python {dotted(python['version'])} ({python['path']})")
    if os.path.islink(VENV):
        os.unlink(VENV)
    elif os.path.exists(VENV):
        say("The environment in .venv does not work any more: building it anew")
        shutil.rmtree(VENV)
    say("Making an environment in .venv")
    command = [python["path"], "-I", "-m", "venv", VENV]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        if "ensurepip" in done.stdout and shutil.which("apt-get"):
            raise Refusal(
                "This Python lacks the part that makes environments: run "
                f"`sudo apt install python3-venv`. {AGAIN}"
            )
        raise Refusal(f"`{' '.join(command)}` failed: {' '.join(done.stdout.split())}")


def run_quietly(command: list) -> int:
    return subprocess.call(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )


def forget_half_installed() -> None:
    """Let pip install again what it was killed over.

    pip unpacks a package, compiles it, and at the end rewrites RECORD with its own
    INSTALLER file in it. Before that the package looks installed and is not.
    """
    for folder in installed():
        try:
            with open(os.path.join(folder, "RECORD"), encoding="utf-8") as file:
                whole = ".dist-info/INSTALLER," in file.read()
        except OSError:
            whole = False
        if not whole:
            shutil.rmtree(folder)
    folder = site_packages()
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.startswith("~"):  # pip's name for what it was uninstalling
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


# ---------------------------------------------------------------- pip, watched


PATIENCE = 15
"""Seconds after which a line that stays the same is said to be no standstill."""


class Progress:
    """One line about what pip is doing, read from its log and from the disk."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.tty = sys.stdout.isatty()
        self.start = self.last = time.time()
        self.seen, self.shown = 0, ""
        self.text, self.since = "", self.start

    def line(self, log: str) -> str:
        if not self.total:
            return "linking the course's own package"
        order = re.search(r"\nInstalling collected packages: (.+)", log)
        if order:
            there = {canonical(os.path.basename(d).split("-")[0]) for d in installed()}
            waiting = [
                n for n in order.group(1).split(", ") if canonical(n) not in there
            ]
            text = f"installing {min(len(there), self.total)}/{self.total}"
            return text + (f": {waiting[0]}" if waiting else ": the last one")
        names = re.findall(
            r"^(?:Collecting|Requirement already satisfied:|Ignoring) ([\w.-]+)",
            log,
            re.M,
        )
        text = f"fetching {min(len(set(names)), self.total)}/{self.total}"
        last = log.rstrip().rsplit("\n", 1)[-1]
        size = re.search(r"Downloading .*\((.* .B)\)", last)
        if "Retrying" in last:
            text += ": no answer from the network, trying again"
        elif names:
            text += f": {names[-1]}" + (f", {size.group(1)}" if size else "")
        return text

    def show(self, log: str) -> None:
        now = time.time()
        text = self.line(log)
        if text != self.text:
            self.text, self.since = text, now
        elif now - self.since >= PATIENCE:
            text += " (still working)"
        clock = f"{int(now - self.start) // 60}:{int(now - self.start) % 60:02d}"
        if self.tty:
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write("\r" + f"  {clock}  {text}".ljust(width)[:width])
            sys.stdout.flush()
        elif now - self.last >= 10 or text.split()[0] != self.shown.split(" ")[0]:
            self.last, self.shown = now, text
            say(f"  {clock}  {text}")

    def end(self) -> None:
        if self.tty:
            sys.stdout.write(
                "\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r"
            )
            sys.stdout.flush()


def pip_environment() -> dict:
    """The caller's, so that its mirror or proxy is used, less what misleads."""
    unwanted = (
        "USER TARGET PREFIX ROOT NO_COMPILE DRY_RUN NO_BINARY CONSTRAINT LOG QUIET"
    )
    kept = dict(os.environ)
    for name in unwanted.split():
        kept.pop("PIP_" + name, None)
    # Where /tmp is a small memory disk, TensorFlow's wheel does not fit into it.
    os.makedirs(SCRATCH, exist_ok=True)
    kept.update(TMPDIR=SCRATCH, TEMP=SCRATCH, TMP=SCRATCH)
    return kept


def pip(arguments: list, total: int, lock) -> None:
    """Run ``pip install`` with those arguments, showing progress.

    Raises:
        Refusal: it failed; the message says where pip's own words are.
    """
    command = [venv_python(), "-I", "-u", "-m", "pip", "--disable-pip-version-check"]
    command += ["--no-input", "install", "--compile", "--progress-bar", "off"]
    command += ["--no-warn-script-location"] + arguments
    with open(LOG, "ab") as sink:
        begin = sink.seek(0, os.SEEK_END)
        # The child holds the lock too: should this process be killed and pip live on,
        # the next run waits for it instead of installing beside it.
        child = subprocess.Popen(
            command,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=pip_environment(),
            pass_fds=() if lock is None else (lock,),
        )
    progress = Progress(total)
    try:
        while child.poll() is None:
            progress.show(log_from(begin))
            time.sleep(0.2)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    finally:
        progress.end()
        shutil.rmtree(SCRATCH, ignore_errors=True)
    if child.returncode:
        explain(log_from(begin))


def log_from(begin: int) -> str:
    with open(LOG, "rb") as file:
        file.seek(begin)
        return "\n" + file.read().decode("utf-8", "replace")


def explain(log: str) -> None:
    """Turn what pip said into one sentence.

    Raises:
        Refusal: always.
    """
    where = f"pip's own words are in {LOG}."
    if "No space left on device" in log:
        raise Refusal(f"The disk is full: make room. {AGAIN} {where}")
    if "DO NOT MATCH THE HASHES" in log:
        raise Refusal(
            "A download is not the file that the lock names, so nothing of it was "
            f"installed: check your package mirror or proxy. {AGAIN} {where}"
        )
    unreachable = r"Retrying \(|Max retries|TimeoutError|ConnectionError|versions: none"
    if re.search(unreachable, log):
        raise NoNetwork(
            "No package index could be reached: connect to the internet, or point pip "
            f"to a mirror (`pip config set global.index-url ...`). {AGAIN} {where}"
        )
    errors = re.findall(r"^ERROR: (.+)", log, re.M) or log.strip().splitlines()[-1:]
    raise Refusal(f"pip failed: {errors[-1] if errors else 'without a word'} {where}")


@contextlib.contextmanager
def alone():
    """Hold the course's folder; wait while another run, or its pip, holds it.

    Yields:
        The descriptor that holds the lock, or None where there is no such lock.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield None
        return
    descriptor = os.open(ROOT, os.O_RDONLY)
    waiting = False
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    say(
                        "Another installation is at work in this folder: waiting for it"
                    )
                waiting = True
                time.sleep(0.5)
            except OSError:  # a file system without locks
                break
        yield descriptor
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- all together


def build(dev: bool, lock) -> None:
    """Bring ``.venv`` to what the lock says and stamp it."""
    found, wanted = found_stamp(), wanted_stamp(dev)
    if covers(found, wanted):
        return
    check_disk()
    make_venv()
    name = DEV if dev else CORE
    kind = "dev" if dev else "core"
    if found_stamp().get(kind) != wanted[kind]:
        total = len(re.findall(r"^[\w.-]+==", read(name), re.M))
        forget_half_installed()
        if len(installed()) > total // 2:
            say(f"Bringing .venv to {name} ({total} packages)")
        else:
            say(f"Installing the {total} packages of {name}: 0.9 GB, some minutes")
        pip(["--require-hashes", "--only-binary", ":all:", "-r", name], total, lock)
        say("Preparing fonts")  # else matplotlib would do so, and say so, in a lesson
        run_quietly([venv_python(), "-I", "-c", "import matplotlib.font_manager"])
    pip(["--no-deps", "--no-build-isolation", "--editable", ROOT], 0, lock)
    if not dev and found_stamp().get("core") == wanted["core"]:
        wanted["dev"] = found_stamp().get("dev")  # the test tools are still there
    with open(STAMP + ".new", "w", encoding="utf-8") as file:
        json.dump(wanted, file, indent=1)
    os.replace(STAMP + ".new", STAMP)
    say("The environment in .venv is complete")


def interrupted(*_) -> None:
    raise KeyboardInterrupt


def main(arguments: list) -> int:
    """Build the environment; returns the exit status."""
    dev = "--dev" in arguments
    if set(arguments) - {"--dev"}:
        say("usage: python3 coursekit/bootstrap.py [--dev]")
        return 2
    signal.signal(signal.SIGTERM, interrupted)
    try:
        if covers(found_stamp(), wanted_stamp(dev)):
            return 0
        with alone() as lock:
            build(dev, lock)
    except NoNetwork as refusal:
        if (
            dev
            and covers(found_stamp(), wanted_stamp(False))
            and "CI" not in os.environ
        ):
            say("The test tools cannot be fetched without a network: tests that need")
            say("them will be skipped, and say so; all others run.")
            return 0
        say(str(refusal))
        return 1
    except Refusal as refusal:
        say(str(refusal))
        return 1
    except OSError as error:
        say(f"The environment cannot be written: {error}.")
        return 1
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
