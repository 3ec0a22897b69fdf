"""What one machine runs, in order: two servers, three one-shot commands, four processes; never for production."""

import http.client
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import config
from local.postgres import APP_ROLE, app_url, start_postgres
from local.process import InUse, LocalError, Spec, free_port, hold, say
from local.supervisor import Stopped, Supervisor
from local.valkey import start_valkey
from units.clock import jakarta_day, system_clock
from units.month import add_months, month_of

PROJECT = Path(__file__).resolve().parents[1]
READY_WAIT_S = 60.0
CONSOLE_BESIDE = 10
# How long what a killed supervisor left behind may take to go (it is told by the kernel; see local/process.py).
_LEFTOVER_WAIT_S = 10.0
_TO_BE_STARTED = {"DATABASE_URL": "postgresql://127.0.0.1/iuran", "REDIS_URL": "redis://127.0.0.1/0"}


def run(var: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Start all and stay until Ctrl-C. Raises LocalError or config.ConfigError with what the person has to change."""
    for folder, mode in ((var, 0o755), (var / "log", 0o700), (var / "run", 0o700), (var / "sandbox", 0o700)):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
    (var / "insurer" / "out").mkdir(parents=True, exist_ok=True)
    (var / "insurer" / "in").mkdir(exist_ok=True)
    try:
        lock = hold(var / "run" / "lock")
    except InUse:
        raise LocalError(f"Iuran already runs on {var}: stop it there first (Ctrl-C).") from None
    note = var / "run" / "env"
    # The note is removed on every orderly end, so one that is still there was left by a kill.
    patience_s = _LEFTOVER_WAIT_S if note.exists() else 0.0
    try:
        with Supervisor(shown_from=Path.cwd()) as supervisor:
            _run(supervisor, var, environ, note, patience_s)
    except Stopped:
        say(f"Stopped. The data stay in {_shown(var)}.")
    finally:
        note.unlink(missing_ok=True)
        os.close(lock)


def _run(supervisor: Supervisor, var: Path, environ: Mapping[str, str], note: Path, patience_s: float) -> None:
    env = _environment(var, environ)
    settings = config.load({**_TO_BE_STARTED, **env})
    for port, name in ((settings.PORT, "PORT"), (settings.CONSOLE_PORT, "CONSOLE_PORT")):
        _refuse_taken_port(supervisor, settings.BIND, port, name, patience_s)
    # Migrations and the sandbox own tables; web, worker, console and whoever types commands do not.
    owner = env | _start_servers(supervisor, var, env, patience_s)
    env = owner if "DATABASE_URL" in env else owner | {"DATABASE_URL": app_url(var / "postgres", owner["DATABASE_URL"])}
    supervisor.check()
    _write_note(note, env)
    for spec in _once(var, owner, with_role=owner is not env):
        supervisor.run_once(spec)
    for spec in _processes(var, env, owner, settings):
        supervisor.start(spec)
    for port, log in ((settings.PORT, "web"), (settings.CONSOLE_PORT, "console")):
        _wait_until_ready(supervisor, settings.BIND, port, log)
    # This month may be debited already; of the next one there is something to be seen.
    month = f"{add_months(month_of(jakarta_day(system_clock())), 1):%Y-%m}"
    say(f"Iuran runs at {_address(settings)} (sandbox). Dial {settings.USSD_CODE} there.")
    say(f"The operators' console: {_address(settings, settings.CONSOLE_PORT)}. Its first admin, from another terminal:")
    say('    make flask ARGS="operators add NAME --role admin --by NAME"')
    say(f'The run of the next month, from another terminal: make flask ARGS="autodebit run --month {month}"')
    say(f"Logs: {_shown(var / 'log')}. Ctrl-C stops everything; the data stay.")
    supervisor.run()


def note_of(var: Path) -> str:
    """The running stack's environment as `export` lines. Raises LocalError when nothing runs."""
    note = var / "run" / "env"
    if note.exists():
        try:
            os.close(hold(var / "run" / "lock"))
        except InUse:
            return note.read_text()
    raise LocalError("Iuran is not running here: start it with `make run` in another terminal.")


def _environment(var: Path, environ: Mapping[str, str]) -> dict[str, str]:
    if environ.get("IURAN_MODE", "sandbox") != "sandbox":
        raise LocalError("`make run` is the sandbox on one machine: unset IURAN_MODE (production: docs/operations.md).")
    given = {
        name: value for name, value in environ.items() if value.strip() or name not in config.Settings.model_fields
    }
    port = given.get("PORT") or "8000"
    return {
        # Beside the other, so that a second stack needs no second port to be named; bad ones are named by config.load.
        "CONSOLE_PORT": str(int(port) + CONSOLE_BESIDE) if port.isdigit() else port,
        "BANKS_FILE": str(var / "sandbox" / "banks.toml"),
        "INSURER_OUT_DIR": str(var / "insurer" / "out"),
        "INSURER_IN_DIR": str(var / "insurer" / "in"),
        **given,
        "IURAN_MODE": "sandbox",
        "SANDBOX_URL": f"http://127.0.0.1:{free_port()}",
        "FLASK_APP": "app",
        "PYTHONUNBUFFERED": "1",
    }


def _refuse_taken_port(supervisor: Supervisor, bind: str, port: int, name: str, patience_s: float) -> None:
    tries_left = int(patience_s / 0.1)
    while True:
        try:
            family = socket.AF_INET6 if ":" in bind else socket.AF_INET
            # reuse_port stays off: granian sets it, so only a plain bind sees that another granian listens.
            with socket.create_server((bind, port), family=family):
                return
        except OSError as error:
            if not tries_left:
                why = os.strerror(error.errno or 0)
                raise LocalError(
                    f"Port {port} is not free ({why}): choose another, as in `{name}={port + 1} make run`."
                ) from None
        tries_left -= 1
        supervisor.wait(0.1)
        supervisor.check()


def _start_servers(supervisor: Supervisor, var: Path, env: Mapping[str, str], patience_s: float) -> dict[str, str]:
    """The URLs of the servers we had to start; those named in the environment are only used."""
    urls = {}
    for name, folder, start in (("DATABASE_URL", "postgres", start_postgres), ("REDIS_URL", "valkey", start_valkey)):
        if name not in env:
            server = start(var / folder, log=var / "log" / f"{folder}.log", lock_wait_s=patience_s)
            supervisor.adopt(server.child)
            urls[name] = server.url
    return urls


def _write_note(note: Path, env: Mapping[str, str]) -> None:
    note.unlink(missing_ok=True)
    note.touch(mode=0o600)
    names = [name for name in (*config.Settings.model_fields, "FLASK_APP") if name in env]
    note.write_text("".join(f"export {name}={shlex.quote(env[name])}\n" for name in names))


def _python(var: Path, env: Mapping[str, str], name: str, *words: str) -> Spec:
    return Spec(name, (sys.executable, "-m", *words), var / "log" / f"{name}.log", env, PROJECT)


def _once(var: Path, env: Mapping[str, str], *, with_role: bool) -> list[Spec]:
    role = ("--app-role", APP_ROLE) if with_role else ()
    keys = str(var / "sandbox")
    return [
        _python(var, env, "sandbox-init", "sandbox", "init", "--dir", keys, "--url", env["SANDBOX_URL"]),
        _python(var, env, "migrate", "flask", "migrate", "--seed", *role),
    ]


def _processes(var: Path, env: Mapping[str, str], owner: Mapping[str, str], settings: config.Settings) -> list[Spec]:
    port = env["SANDBOX_URL"].rpartition(":")[2]
    callbacks = _address(settings) + settings.callback_prefix
    serve = ("serve", "--dir", str(var / "sandbox"), "--port", port, "--callbacks", callbacks)
    granian = ["--interface", "wsgi", "--factory", "--host", settings.BIND, "--workers", "1", "--no-ws"]
    granian += ["--workers-kill-timeout", "3", "--blocking-threads", "8", "--port"]
    # Without this glibc keeps 7 MiB for each thread that ever checked a PIN: 178 MB instead of 122 (bench).
    lean = {**env, "MALLOC_MMAP_THRESHOLD_": "1048576"}
    return [
        _python(var, owner, "sandbox", "sandbox", *serve),
        _python(var, lean, "web", "granian", *granian, str(settings.PORT), "app:web"),
        _python(var, lean, "console", "granian", *granian, str(settings.CONSOLE_PORT), "console.process:web"),
        _python(var, env, "worker", "flask", "worker"),
    ]


def _wait_until_ready(supervisor: Supervisor, bind: str, port: int, log: str) -> None:
    for _ in range(int(READY_WAIT_S / 0.05)):
        supervisor.check()
        connection = http.client.HTTPConnection(bind, port, timeout=2)
        try:
            connection.request("GET", "/health/live")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        supervisor.wait(0.05)
    raise LocalError(f"Nothing answered on port {port} within {READY_WAIT_S:.0f} s: see var/log/{log}.log")


def _address(settings: config.Settings, port: int = 0) -> str:
    host = f"[{settings.BIND}]" if ":" in settings.BIND else settings.BIND
    return f"http://{host}:{port or settings.PORT}"


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
