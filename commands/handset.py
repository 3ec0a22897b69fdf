"""`flask handset`: a phone of the sandbox in the terminal, or transcripts dialled again and compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import requests

from commands.ports import call_ports
from config import Settings
from handset.phone import Phone
from handset.replay import SMS_WAIT_S, AnotherDay, Difference, Replay, Stuck
from handset.terminal import HELP, Terminal
from handset.transcript import NotATranscript, read
from units.phone import NotAPhone, canonical_phone

_NUMBER = "+6281234567890"
_TIMEOUTS_S = (2.0, 10.0)


class _Line:
    """HTTP to the running sandbox, as its gateway would send it."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url, self._settings = url.rstrip("/"), settings
        self._session = requests.Session()

    def phone(self, number: str) -> Phone:
        """Raises NotAPhone."""
        settings = self._settings
        return Phone(canonical_phone(number), self._post, self._inbox, settings.USSD_CODE, settings.callback_prefix)

    def _post(self, path: str, form: Mapping[str, str]) -> tuple[int, str]:
        answer = self._session.post(f"{self._url}{path}", data=dict(form), timeout=_TIMEOUTS_S)
        answer.encoding = "utf-8"
        return answer.status_code, answer.text

    def _inbox(self, number: str) -> Sequence[str]:
        answer = self._session.get(f"{self._url}/sandbox/sms", params={"to": number}, timeout=_TIMEOUTS_S)
        answer.raise_for_status()
        return [row["text"] for row in answer.json()]


@click.command("handset")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", help="Where the sandbox's web server is; without it on this machine, at PORT.")
@click.option("--number", default=_NUMBER, show_default=True, help="Whose phone it is, without files.")
@click.option("--with", "given", multiple=True, metavar="NAME=VALUE", help="What {NAME} in a transcript stands for.")
@click.option("--sms-wait", "sms_wait_s", default=SMS_WAIT_S, show_default=True, help="Seconds to wait for an SMS.")
def handset(files: Sequence[Path], url: str | None, number: str, given: Sequence[str], sms_wait_s: float) -> None:
    """A phone in the terminal; or each transcript dialled again, with what differs. Sandbox only.

    Days, hours and months may be others than in the transcript, {ref} and {code} stand for any. Leaves with 1 if
    something differs. A transcript's people must be as it says at its head: new ones, in most, on a sandbox of its own.
    """
    settings = call_ports().settings
    if not settings.sandbox:
        raise click.ClickException("a handset is for the sandbox only")
    line = _Line(url or f"http://127.0.0.1:{settings.PORT}", settings)
    try:
        if files:
            known = _known(given)
            differing = sum([_replay(file, Replay(line.phone, dict(known), sms_wait_s)) for file in files])
            if differing:
                raise click.ClickException(f"{differing} of {len(files)} transcripts differ")
        else:
            _talk(Terminal(line.phone, number, click.echo))
    except requests.RequestException as error:
        raise click.ClickException(f"no sandbox there: {type(error).__name__}; `make run` starts one") from None
    except NotAPhone:
        raise click.ClickException("a phone's number is +62..., an Indonesian mobile one") from None


def _known(given: Sequence[str]) -> Mapping[str, str]:
    pairs = [one.partition("=") for one in given]
    if not all(name and value for name, _, value in pairs):
        raise click.ClickException("--with is NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _replay(file: Path, replay: Replay) -> bool:
    """Whether it differs, or cannot be dialled to its end; that the rest is of a later day is only said."""
    try:
        steps = read(file.read_text())
    except NotATranscript as error:
        raise click.ClickException(f"{file}: {error}") from None
    differs, why = False, ""
    try:
        for difference in replay.run(steps):
            differs = True
            _show(file, difference)
    except Stuck as stuck:
        differs, why = True, f", {stuck}"
    except AnotherDay as later:
        why = f", {later}"
    click.echo(f"{file}: {'differs' if differs else 'as it says'}{why}")
    return differs


def _show(file: Path, difference: Difference) -> None:
    click.echo(f"{file}:{difference.line}: {difference.what}")
    for sign, text in (("-", difference.expected), ("+", difference.came)):
        for line in text.split("\n"):
            click.echo(f"  {sign} {line}")


def _talk(terminal: Terminal) -> None:
    click.echo(HELP)
    while True:
        try:
            line = input(terminal.prompt)
        except EOFError:
            return
        if not terminal.take(line):
            return
