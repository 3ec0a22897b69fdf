"""The ports of a command: as the web's, but with a database that may take its time, and no call waiting for it."""

import dataclasses

from flask import current_app

from database import JOB_ANSWER_TIMEOUT_S, make_engine
from ports import Ports

# Beside one for each bank's lane or files: plan, notices, questions, refunds, texts, the insurer, day files.
_OTHER_JOBS = 7


def job_connections(ports: Ports) -> int:
    """How many jobs may run at once: a bank that hangs holds one of them and no other bank's."""
    return _OTHER_JOBS + len(ports.banks) + len(ports.batches)


def job_ports() -> Ports:
    ports: Ports = current_app.extensions["ports"]
    url = ports.settings.DATABASE_URL.get_secret_value()
    # Who writes a debit file holds its row meanwhile, and reads what goes into it on a second connection.
    connections = job_connections(ports) + len(ports.batches)
    return dataclasses.replace(
        ports, database=make_engine(url, answer_timeout_s=JOB_ANSWER_TIMEOUT_S, connections_max=connections)
    )
