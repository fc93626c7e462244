"""Workers for a batch: on this machine, or wherever a Dask scheduler has some."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache

from coursekit.classroom.cage import NoSandbox
from coursekit.classroom.grader import Grader
from coursekit.classroom.marking import CannotGrade
from coursekit.classroom.probes import ProbeError
from coursekit.classroom.result import SubmissionResult
from coursekit.engine import load_exercises


class ThreadPool:
    """A thread for each warm worker of a grader on this machine."""

    def __init__(self, grader: Grader) -> None:
        self.workers, self.isolated = grader.workers, grader.isolated
        self._grader = grader
        self._threads = ThreadPoolExecutor(grader.workers, "grading")
        self._warm = False

    def submit(
        self, chapter: str, notebook: bytes, seed: int, only: Sequence[str] = ()
    ) -> Future[SubmissionResult]:
        if not self._warm:
            self._warm = True
            self._warm_up(chapter)
        return self._threads.submit(
            _grade, self._grader, chapter, notebook, seed, tuple(only)
        )

    def _warm_up(self, chapter: str) -> None:
        """Import TensorFlow in all workers at once, and meanwhile in this process.

        Whatever fails will fail again when a submission needs it, and be told then.
        """
        for _ in range(self.workers):
            self._threads.submit(self._grader.warm_up)
        with suppress(Exception):
            load_exercises(chapter)  # in this thread, where Ctrl-C can break it off

    def close(self) -> None:
        """Stop at once: what is running is killed, what waits is forgotten."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._grader.close()
        self._threads.shutdown(wait=True)


class DaskPool:
    """The workers of a Dask cluster; each keeps a warm sandbox of its own."""

    def __init__(self, executor: Executor, workers: int, unsafe: bool) -> None:
        self.workers, self.isolated = workers, not unsafe
        self._unsafe, self._executor = unsafe, executor

    def submit(
        self, chapter: str, notebook: bytes, seed: int, only: Sequence[str] = ()
    ) -> Future[SubmissionResult]:
        return self._executor.submit(
            remote, chapter, notebook, seed, tuple(only), self._unsafe
        )


def _grade(
    grader: Grader, chapter: str, notebook: bytes, seed: int, only: tuple[str, ...]
) -> SubmissionResult:
    known = load_exercises(chapter)
    some = [known[id] for id in only] or None
    try:
        return grader.grade(chapter, notebook, seed, exercises=some)
    except (NoSandbox, ProbeError) as error:  # the next one would fare no better
        raise CannotGrade(str(error)) from error


@cache
def _own_grader(unsafe: bool) -> Grader:
    return Grader(1, unsafe=unsafe)


def remote(
    chapter: str, notebook: bytes, seed: int, only: tuple[str, ...], unsafe: bool
) -> SubmissionResult:
    """Grade in a Dask worker, with a sandbox that the worker keeps."""
    return _grade(_own_grader(unsafe), chapter, notebook, seed, only)


@contextmanager
def open_pool(
    workers: int = 0, *, unsafe: bool = False, scheduler: str = ""
) -> Iterator[ThreadPool | DaskPool]:
    """Workers, for as long as the block runs.

    Args:
        workers: on this machine; by default one for each core.
        unsafe: where there is no sandbox, do without.
        scheduler: the address of a Dask scheduler, to use its workers instead.

    Raises:
        CannotGrade: there is no sandbox, or no cluster.
    """
    if scheduler:
        with _cluster(scheduler, unsafe) as cluster:
            yield cluster
        return
    try:
        pool = ThreadPool(Grader(workers, unsafe=unsafe))
    except NoSandbox as error:
        raise CannotGrade(str(error)) from error
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def _cluster(scheduler: str, unsafe: bool) -> Iterator[DaskPool]:
    try:
        from distributed import Client
    except ImportError as error:
        raise CannotGrade("--scheduler needs the package distributed") from error
    try:
        client = Client(scheduler, timeout="20s", set_as_default=False)
    except OSError as error:
        raise CannotGrade(f"no scheduler answers at {scheduler}") from error
    with client:
        threads = client.nthreads()
        if not threads:
            raise CannotGrade(f"the scheduler at {scheduler} has no workers")
        with client.get_executor(pure=False, retries=3) as executor:
            yield DaskPool(executor, sum(threads.values()), unsafe)
