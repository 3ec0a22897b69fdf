"""Histories at a bank without an API: the same steps, told by debit files and result files; holds no test.

The bank is the sandbox's own, asked to look at its folder when a step says so: no history hangs on its once a second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from shutil import copy, rmtree

from autodebit.collect import tidy
from autodebit.files import exchange_files
from banks.asked import CollectRequest, MandateRequest
from banks.batch_file import BatchFiles
from ports import Ports
from sandbox.batch import SandboxBatch, batch_folders
from tests.histories import Story
from tests.history_checks import FILED
from tests.troubled import Crash, Trouble
from tests.world import World


class FaultyFiles(BatchFiles):
    """The real folders, of a process that dies before or after it has written a file."""

    trouble: Trouble

    def hand_over(self, name: str, mandates: Iterable[MandateRequest], debits: Iterable[CollectRequest]) -> None:
        word = self.trouble.next()
        if word == "crash before":
            raise Crash
        super().hand_over(name, mandates, debits)
        if word == "crash after":
            raise Crash


class FileStory(Story):
    """What a notice is elsewhere is a result file here: it comes, comes twice, or does not come for days."""

    def __init__(self, world: World, banks: Sequence[str], endings: Sequence[str]) -> None:
        super().__init__(world, banks, endings)
        # No folder of the running sandbox: it would answer by itself, whenever it looks.
        root = world.sandbox.folder / "histories"
        rmtree(root, ignore_errors=True)
        self._out, self._in = batch_folders(root, FILED)
        files = FaultyFiles(FILED, self._out, self._in)
        files.trouble = self.trouble
        self._bank = SandboxBatch(world.ports.database, root, FILED, world.clock)
        self.ports = replace(self.ports, batches={FILED: files})
        self.collect()
        self.deliver("as they came")
        assert not world.rows("SELECT 1 FROM mandates WHERE state = 'submitted'"), "a mandate without the bank's word"

    def collect(self, trouble: Sequence[str] = (), ports: Ports | None = None) -> None:
        self.trouble.words[:] = trouble
        tidy(self.ports)
        self.survive(self._exchange, ports or self.ports)
        self.trouble.words.clear()

    def deliver(self, order: str, commits: int | None = None) -> None:
        """The bank works off what lies there, and its results are taken; twice: also all that it ever said."""
        if order == "never":
            return
        self._bank.answer_waiting()
        if order == "twice":
            for path in sorted((self._in / "taken").glob("*.csv")):
                copy(path, self._in / path.name)
        self.survive(self._exchange, self._dying(commits))

    def _exchange(self, ports: Ports) -> None:
        assert exchange_files(ports, FILED).sick == {}, "a fault of ours"

    def go_on_without_notices(self) -> None:
        """Days in which the bank leaves our files lying, while its day files come and lack what it has not done yet."""
        for _ in range(7):
            self.send_texts()
            self.wait(24)
            self.collect()
            self.settle()
