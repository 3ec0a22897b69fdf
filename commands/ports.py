"""The ports of a command: as the web's, and for jobs with a database that may take its time, no call waiting for it."""

import dataclasses
import gc

from flask import current_app

from database import JOB_ANSWER_TIMEOUT_S, make_engine
from ports import Ports

# Beside one for each bank's lane or files and each lane of texts: plan, notices, questions, refunds, the insurer, day
# files.
_OTHER_JOBS = 6
# New objects after which the collector looks for garbage among them; Python's own 700 are less than a chunk's rows.
_NEW_OBJECTS_MAX = 20_000


def job_connections(ports: Ports) -> int:
    """How many jobs may run at once: a bank that hangs holds one of them and no other bank's."""
    return _OTHER_JOBS + ports.settings.SMS_LANES + len(ports.banks) + len(ports.batches)


def spare_collector() -> None:
    """For a process of its own that lives for long: looking for garbage in a run's rows was a sixth of its CPU time.

    What was imported by now is never looked at again, and the rest more rarely: rows are plain values without cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_MAX)


def call_ports() -> Ports:
    """As the web's: a caller waits."""
    ports: Ports = current_app.extensions["ports"]
    return ports


def job_ports() -> Ports:
    ports: Ports = current_app.extensions["ports"]
    url = ports.settings.DATABASE_URL.get_secret_value()
    # Who writes a debit file holds its row meanwhile, and reads what goes into it on a second connection.
    connections = job_connections(ports) + len(ports.batches)
    return dataclasses.replace(
        ports, database=make_engine(url, answer_timeout_s=JOB_ANSWER_TIMEOUT_S, connections_max=connections)
    )
