"""Parts of one run on an existing Dask cluster: the same functions, the same bytes, on other machines.

What is called travels in files (`calls`) in the run's own temporary folder. So that folder, and the one that is built, must lie on
a file system that this machine and every worker see under the same path; a probe written here and answered there says so before
anything is sent. A worker has the same program and the same versions, or it is refused: other ones may give other bytes.

What a worker was at when it died is begun again on another one: a call writes whole files, and the same ones each time. What was
done is not, although Dask asks for it where a worker dies that had done it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cgbm1_report.assets import asset
from cgbm1_report.errors import ArgumentError, Problem, ToolError
from cgbm1_report.system.calls import Calls
from cgbm1_report.system.manifest import sha256_of
from cgbm1_report.system.versions import tell_versions

_ADDRESS = re.compile(r"dask://(?P<place>(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})")
_RULE = "--executor"
#: Seconds to find the cluster, and for a file written on one machine to be seen on another.
_PATIENCE, _SEEN = 20.0, 10.0
_open: list[Cluster] = []


def current_cluster() -> Cluster | None:
    """The cluster that this run sends its parts to, where it does."""
    return _open[-1] if _open else None


@contextmanager
def sent_to(address: str, built: Path, scratch: Path | None = None) -> Iterator[Cluster | None]:
    """Send the parts of the run to a cluster meanwhile; an empty address leaves them here.

    Parameters
    ----------
    address
        ``dask://host:port`` of its scheduler.
    built
        The folder that is built in: it must be the same there, and so must
    scratch
        the folder for what travels; the temporary one where none is named.

    Raises
    ------
    ReportError
        No such cluster, one without workers, workers that do not see these folders or have another program.
    """
    if not address:
        yield None
        return
    with _connected(address) as client:
        cluster = Cluster(client, Path(tempfile.mkdtemp(prefix="calls-", dir=scratch)))
        cluster.require_workers(built)
        _open.append(cluster)
        try:
            yield cluster
        finally:
            _open.remove(cluster)
            cluster.end()


def parse_address(address: str) -> str:
    """The address of a scheduler as Dask takes it.

    Raises
    ------
    ArgumentError
        It is none.
    """
    found = _ADDRESS.fullmatch(address.strip())
    if found is None:
        raise ArgumentError(
            f"{address!r} is no address of a cluster", rule=_RULE, remedy="write dask://host:port, of its scheduler"
        )
    return f"tcp://{found['place']}"


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    place = parse_address(address)
    # Of lost workers we tell ourselves, where it matters.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        from distributed import Client
    except ImportError as error:
        told = f"Dask is not installed here: {error}"
        raise ToolError(told, rule=_RULE, remedy="pip install 'cgbm1-report[dask]', the version the cluster has") from error
    try:
        client = Client(place, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, RuntimeError) as error:
        told = f"no cluster answers at {place}: {' '.join(str(error).split())}"
        raise ToolError(told, rule=_RULE, remedy="start its scheduler (dask scheduler), or leave --executor out") from error
    with contextlib.closing(client):
        yield client


class Cluster(Calls):
    """A cluster that calls functions of modules; ``folder`` is where it is told what to call."""

    def __init__(self, client: Any, folder: Path) -> None:
        remedy = "look whether its workers live and have enough memory; build without --executor meanwhile"
        super().__init__(client.get_executor(pure=False), folder, ("the cluster", remedy))
        self._client = client

    @property
    def threads(self) -> int:
        """How many calls it carries out at a time."""
        return sum(self._client.nthreads().values())

    def require_workers(self, built: Path) -> None:
        """Refuse a cluster without workers, and workers that could not do what is asked for, all at once."""
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise ToolError("the cluster has no workers", rule=_RULE, remedy="start some: dask worker HOST:PORT") from error
        probe = Path(tempfile.mkdtemp(prefix="probe-", dir=self._folder))
        (probe / "written").write_text(os.urandom(16).hex(), encoding="ascii")
        answers: Mapping[str, Any] = self._client.run(_answer, str(probe), str(built), on_error="return")
        own = _about_us()
        problems = [problem for worker, told in sorted(answers.items()) for problem in _judge(worker, told, own, probe)]
        if problems:
            raise ToolError.of(problems)


# The question to each worker ---------------------------------------------------------------------


def _about_us() -> dict[str, str]:
    """What must be the same here and there: versions, and the program itself."""
    return {**tell_versions(), "the code of cgbm1-report": _code()}


def _code() -> str:
    """SHA-256 over all that the package is."""
    told = hashlib.sha256()
    for folder, ending in (
        (Path(__file__).parents[1], "*.py"),
        (asset("schemas"), "*"),
        (asset("templates"), "*"),
        (asset("notebooks"), "*.ipynb"),
    ):
        for path in sorted(folder.rglob(ending)):
            if path.is_file():
                told.update(f"{path.relative_to(folder).as_posix()} {sha256_of(path)}\n".encode())
    return told.hexdigest()


def _answer(probe: str, built: str) -> tuple[str, dict[str, str]]:
    """On a worker: what the probe says, written back beside it, and what program it has."""
    place = Path(probe)
    ends = time.monotonic() + _SEEN
    while not (place / "written").is_file() and time.monotonic() < ends:
        time.sleep(0.2)
    if not (place / "written").is_file():
        return f"does not see {place}", {}
    if not os.access(built, os.W_OK | os.X_OK):
        return f"may not write into {built}", {}
    try:
        with tempfile.NamedTemporaryFile("w", dir=place, prefix="answered-", delete=False) as answer:
            answer.write((place / "written").read_text(encoding="ascii"))
    except OSError as error:
        return f"may not write into {place}: {error.strerror}", {}
    return Path(answer.name).name, _about_us()


def _judge(worker: str, told: Any, own: Mapping[str, str], probe: Path) -> Iterator[Problem]:
    """What is wrong with a worker by what it answered."""
    shared = "build into a folder that this machine and all workers have under one path, as the same user"
    same = "install the same cgbm1-report from the same requirements.lock on all machines"
    if isinstance(told, BaseException):
        said = f"worker {worker} cannot run cgbm1-report: {type(told).__name__}: {' '.join(str(told).split())[:300]}"
        yield Problem(said, rule=_RULE, remedy=same)
        return
    name, about = told
    if not about:
        yield Problem(f"worker {worker} {name}", rule=_RULE, remedy=shared)
        return
    ends = time.monotonic() + _SEEN
    while not (probe / name).is_file() and time.monotonic() < ends:
        time.sleep(0.2)
    if not (probe / name).is_file() or (probe / name).read_bytes() != (probe / "written").read_bytes():
        yield Problem(f"worker {worker} writes into another {probe} than this machine", rule=_RULE, remedy=shared)
    other = [f"{what} {about.get(what, 'none')[:12]} (here {here[:12]})" for what, here in own.items() if about.get(what) != here]
    if other:
        yield Problem(f"worker {worker} has {', '.join(other)}", rule=_RULE, remedy=same)
