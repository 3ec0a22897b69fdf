"""One real PostgreSQL and one real Valkey for a whole pytest run, shared by its workers; never a stand-in for either.

The controller starts them before the workers, which find them by two environment variables. `TEST_DATABASE_URL`
and `TEST_REDIS_URL` name servers of your own instead; the tests then make and drop databases there.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from local.postgres import start_postgres
from local.process import LocalError, Server
from local.valkey import start_valkey
from tests.log_watch import told_in_files

_FOLDER = pytest.StashKey[Path]()


def open_folder() -> Path:
    """A new folder that `nobody` may enter: root runs PostgreSQL as `nobody`, and pytest's own folders are closed."""
    folder = Path(tempfile.mkdtemp(prefix="iuran-test-", dir="/var/tmp" if os.geteuid() == 0 else None))
    folder.chmod(0o755)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly or config.option.help or config.option.version:
        return
    folder, servers = open_folder(), list[Server]()
    config.add_cleanup(lambda: _stop(folder, servers))
    config.stash[_FOLDER] = folder
    for name, start in (("TEST_DATABASE_URL", start_postgres), ("TEST_REDIS_URL", start_valkey)):
        if not os.environ.get(name):
            try:
                server = start(folder / name.lower(), durable=False)
            except LocalError as error:
                raise pytest.UsageError(f"{error} Or name a server of your own in {name}.") from None
            servers.append(server)
            os.environ[name] = server.url


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What the servers logged is searched too, once all tests are over."""
    folder = session.config.stash.get(_FOLDER, None)
    told = told_in_files(folder) if folder is not None else []
    if told:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"a server's log holds personal data: {', '.join(told[:5])}", red=True)


def _stop(folder: Path, servers: list[Server]) -> None:
    for server in servers:
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def pg_server_url() -> str:
    """`postgresql://.../iuran` of a superuser: make databases of your own beside it."""
    return os.environ["TEST_DATABASE_URL"]


@pytest.fixture(scope="session")
def redis_server_url() -> str:
    """`redis://.../0`: shared with the other workers, so use a prefix or a database number of your own."""
    return os.environ["TEST_REDIS_URL"]
