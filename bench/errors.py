"""The one failure of a measurement."""


class BenchError(Exception):
    """One line: what could not be measured, or which answer was wrong."""
