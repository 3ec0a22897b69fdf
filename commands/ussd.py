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
    from gateways.smpp_wire import Smsc, tls_context
    from ussd.calls import Calls

    ports = call_ports()
    settings = ports.settings
    if "smpp" not in settings.ussd_gateways:
        raise click.ClickException("USSD_GATEWAYS does not name smpp")
    smsc = Smsc(
        host=settings.SMPP_HOST,
        port=settings.SMPP_PORT,
        system_id=settings.SMPP_SYSTEM_ID,
        password=settings.SMPP_PASSWORD.get_secret_value(),
        system_type=settings.SMPP_SYSTEM_TYPE,
        tls=tls_context() if settings.SMPP_TLS else None,
    )
    link = Link(smsc, settings.USSD_CODE, settings.SMPP_RATE_PER_S, Calls(ports))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: link.stop())
    link.run()
