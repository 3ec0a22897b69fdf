"""The calls that no callback brings: `flask ussd smpp` keeps the connection to an operator's SMSC and answers them."""

import signal

import click

from commands.ports import call_ports


@click.group("ussd")
def ussd() -> None:
    """Calls that come by a connection of our own."""


@ussd.command("smpp")
def smpp() -> None:
    """Answer the calls of the operator's SMSC until told to stop; then those that were taken, and unbind."""
    from gateways.smpp_link import Link
    from gateways.smpp_wire import call_smsc
    from ussd.calls import Calls

    ports = call_ports()
    settings = ports.settings
    if "smpp" not in settings.ussd_gateways:
        raise click.ClickException("USSD_GATEWAYS does not name smpp")
    link = Link(call_smsc(settings), settings.USSD_CODE, settings.SMPP_RATE_PER_S, Calls(ports))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: link.stop())
    link.run()
