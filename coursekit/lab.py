"""``coursekit lab``: the course in JupyterLab, opened at the start page."""

import json
import os
import secrets
import sys
import webbrowser
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from coursekit.spine import ROOT

START = "notebooks/00_start_here.ipynb"


def has_browser() -> bool:
    """Whether a window with a web page can be opened on this machine."""
    graphical = sys.platform in ("darwin", "win32", "cygwin")
    if not graphical and not os.environ.get("BROWSER"):
        graphical = any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
        # Windows' browser serves a Linux that runs inside Windows.
        graphical = graphical or "WSL_DISTRO_NAME" in os.environ
        if not graphical:
            return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


SHORT = {
    "ServerApp.root_dir": ("--notebook-dir",),
    "Application.log_level": ("--log-level", "--debug"),
}
"""Other spellings of the options that are set here."""


def options(arguments: list[str]) -> list[str]:
    """What JupyterLab is started with: these arguments, and what they leave open.

    They are set here and not in a file, so that nobody's own Jupyter settings change.
    """
    updates = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
    defaults = {
        "ServerApp.root_dir": str(ROOT),
        "LabApp.default_url": f"/lab/tree/{START}",
        "LabApp.news_url": "None",
        "LabApp.check_for_updates_class": updates,  # the lock decides on versions
        "ServerApp.answer_yes": "True",  # Ctrl-C stops at once
        "Application.log_level": "ERROR",  # warnings are about Jupyter, not the course
        "IdentityProvider.token": os.environ.get("JUPYTER_TOKEN") or _token(),
    }
    given = {argument.partition("=")[0] for argument in arguments}
    chosen = [
        f"--{name}={value}"
        for name, value in defaults.items()  # Jupyter refuses an option given twice
        if not given & {f"--{name}", *SHORT.get(name, ())}
    ]
    if not has_browser():
        chosen.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        chosen.append("--allow-root")  # a container; it listens on this machine only
    return chosen + arguments


def _token() -> str:
    return secrets.token_hex(24)


def prepare() -> None:
    """Run notebooks in this environment and no other; leave out what distracts.

    The question about news, and the buttons of test tools where those are installed,
    can only be turned off in a folder of settings. The package's own is searched before
    the learner's, for settings, for the kernel and for the extension that counts
    answers to quizzes.
    """
    own = str(Path(__file__).parent / "jupyter")
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):
        others = os.environ.get(name)
        os.environ[name] = os.pathsep.join([own, others] if others else [own])
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # before kernels in the home folder
    folder = str(Path(sys.executable).parent)
    paths = os.environ.get("PATH", "").split(os.pathsep)
    if folder not in paths:  # `!coursekit status` in a notebook
        os.environ["PATH"] = os.pathsep.join([folder, *paths])


def running() -> str | None:
    """The address of this course in a JupyterLab that runs already, if there is one."""
    from jupyter_server.serverapp import list_running_servers

    opener = build_opener(ProxyHandler({}))
    for server in list_running_servers():
        page = Request(f"{server['url']}coursekit/course")
        page.add_header("Authorization", f"token {server['token']}")
        try:
            with opener.open(page, timeout=5) as answer:
                if json.load(answer).get("course") == str(ROOT):
                    return _address(server["url"], server["token"])
        except (OSError, ValueError):  # another server, or one that has just gone
            continue
    return None


def _address(url: str, token: str) -> str:
    page = url.rstrip("/") + f"/lab/tree/{START}"
    return f"{page}?{urlencode({'token': token})}" if token else page


def main(arguments: list[str]) -> int:
    """Serve the course until Ctrl-C.

    Args:
        arguments: options of ``jupyter lab``, such as ``--no-browser --port 8890``.

    Returns:
        0, also where the course is open already, or 1 when there is no course around
        the package.
    """
    if not (ROOT / "notebooks").is_dir():
        print(f"There are no notebooks in {ROOT}: run this in a clone of the course")
        return 1
    if not set(arguments) - {"--no-browser"} and (address := running()):
        print(f"The course is open already, at {address}")
        if has_browser() and not arguments:
            webbrowser.open(address)
        return 0
    prepare()
    try:
        _serve(options(arguments))
    except KeyboardInterrupt:  # while it was still starting
        print("stopped")
        return 130
    return 0


def _serve(arguments: list[str]) -> None:
    from jupyter_server.serverapp import ServerApp
    from jupyterlab.labapp import LabApp

    class Course(ServerApp):
        """Says where the course is, in two lines instead of Jupyter's twenty."""

        name = "jupyter-server"

        async def _post_start(self) -> None:  # the first moment at which it answers
            await super()._post_start()
            address = _address(self.connection_url, self.identity_provider.token)
            print(f"The course is at {address}\nCtrl-C stops it.", flush=True)

    LabApp.serverapp_class = Course
    LabApp.launch_instance(argv=arguments)
