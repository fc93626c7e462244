"""What ``coursekit lab`` gives JupyterLab.

Beside this module: settings (``labconfig``, ``jupyter_server_config.d``), the kernel
under the course's name (``kernels``) and the extension that counts answers to quizzes
(``labextensions``). Nothing is installed: ``coursekit lab`` names this folder to
Jupyter, so that nobody's own Jupyter changes.
"""

import json
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from coursekit import quizzes
from coursekit.spine import ROOT


class Course(APIHandler):
    """Says which course this is."""

    @authenticated
    def get(self) -> None:
        self.finish(json.dumps({"course": str(ROOT)}))


class Quiz(APIHandler):
    """Writes a choice into the learner's journal."""

    @authenticated
    def post(self) -> None:
        match self.get_json_body():
            case {"question": str(question), "choice": str(choice), "right": bool(ok)}:
                said = quizzes.count(question, choice, ok)
            case _:
                raise HTTPError(400, "a question, a choice and whether it is right")
        self.finish(json.dumps({"message": said}))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursekit.jupyter"}]


def _load_jupyter_server_extension(server: Any) -> None:
    app = server.web_app
    base = url_path_join(app.settings["base_url"], "coursekit")
    app.add_handlers(".*$", [(f"{base}/course", Course), (f"{base}/quiz", Quiz)])
