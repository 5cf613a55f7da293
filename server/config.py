"""The settings: one table of them, read from a TOML file and from the environment.

Invariants: only this module reads the environment; the environment wins over the file, a command's
flag over both. `docs/reference/settings.md` is checked against this table.
Not here: what a setting does; its help says it, the module that takes it does it.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server.errors import ConfigError

__all__ = ["Address", "Settings", "load", "secret", "to_environment"]

PREFIX = "READINGROOM_"
SECRET_BYTES = 32


@dataclass(frozen=True)
class Address:
    """Where to listen: host and port. Port 0 means any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `HOST:PORT`; an IPv6 host stands in brackets."""
        parts = urlsplit(f"//{text}")
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.hostname is None or port is None:
            raise ConfigError("An address is written HOST:PORT.")
        return cls(parts.hostname, port)

    @property
    def is_loopback(self) -> bool:
        """Only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _setting(default: Any, help_: str, *, secret: bool = False) -> Any:  # noqa: ANN401 - as field()
    return field(default=default, metadata={"help": help_, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """Every setting; its metadata has `help` and whether it is `secret`."""

    http: Address = _setting(Address("127.0.0.1", 8080), "Where pages and DICOMweb listen.")
    dimse: Address = _setting(Address("127.0.0.1", 11112), "Where DIMSE listens.")
    data: Path = _setting(Path("data"), "The folder of database, blobs and secret.")
    database_url: str = _setting(
        "",
        "SQLAlchemy URL of the index, `postgresql+psycopg://…` for PostgreSQL; "
        "empty means SQLite in the data folder.",
        secret=True,
    )
    blobs: str = _setting(
        "",
        "Where Part 10 files lie: a folder, or `s3://BUCKET/PREFIX`; "
        "empty means `blobs` in the data folder.",
    )
    s3_endpoint: str = _setting("", "Address of an S3-compatible server; empty means AWS.")
    secret: str = _setting(
        "",
        "The server's secret, at least 32 characters; "
        "empty means the file `secret` in the data folder, made at the first start.",
        secret=True,
    )
    ae_title: str = _setting("READINGROOM", "The server's own AE title.")
    dimse_processes: int = _setting(
        2, "Processes that listen for DIMSE; an association is served by one of them."
    )
    dimse_associations: int = _setting(
        200, "How many associations all of them take at the same time; more are refused for now."
    )
    private_sop_classes: str = _setting(
        "",
        "UIDs of private storage SOP classes, with commas between, that are taken beside all of "
        "the standard's.",
    )
    dimse_tls: str = _setting(
        "", "Where DIMSE over TLS listens, `HOST:PORT`, beside `dimse`; empty means nowhere."
    )
    dimse_certificate: str = _setting(
        "", "A file of the certificate chain in PEM, which is shown to peers over TLS."
    )
    dimse_key: str = _setting("", "A file of the certificate's private key in PEM.")
    dimse_client_ca: str = _setting(
        "",
        "A file of certificates in PEM: over TLS, peers have to show one that these have signed; "
        "empty means that they are asked for none.",
    )
    dimse_peer_ca: str = _setting(
        "",
        "A file of certificates in PEM: peers to which this server connects over TLS have to show "
        "one that these have signed; empty means those of dimse_client_ca, or else of the system.",
    )
    peer_hosts: str = _setting(
        "public",
        "Where accounts may have this server connect to: addresses, networks and names of hosts, "
        "with commas between; `public` is the whole internet without anybody's inner network.",
    )
    public_base: str = _setting(
        "", "The address by which others reach the server, `https://…`; empty means as asked for."
    )
    trusted_proxies: str = _setting(
        "",
        "Addresses and networks, with commas between, of the proxies whose X-Forwarded-* and "
        "Forwarded headers are believed; empty means none.",
    )
    cors_origins: str = _setting(
        "",
        "Origins, `https://…` with commas between, whose pages may send tokens; what is published "
        "may be read from anywhere.",
    )
    rate_limit: int = _setting(
        12_000,
        "How many DICOMweb requests a minute each worker takes from one address without a token "
        "or session; 0 means any number.",
    )
    http_certificate: str = _setting(
        "", "A file of the certificate chain in PEM, to serve HTTPS; empty means HTTP."
    )
    http_key: str = _setting("", "A file of the certificate's private key in PEM.")
    web_workers: int = _setting(2, "Processes that serve pages and DICOMweb.")
    web_threads: int = _setting(16, "Threads in each of them, one for a request under way.")
    max_body_bytes: int = _setting(
        8 * 1024**3, "The longest STOW-RS request that is taken, in bytes."
    )
    pictures_bytes: int = _setting(
        2 * 1024**3, "How much room kept pictures may take, in `pictures` in the data folder."
    )
    store_warning_status: bool = _setting(
        False, "Answer C-STORE with B000H (coercion) instead of 0000H."
    )
    profile: str = _setting(
        "",
        "A TOML file with other literals and stricter rows for the de-identification profile; "
        "empty means the default profile.",
    )

    operator: str = _setting(
        "", "Who runs the server, as its pages name them; empty means nobody is named."
    )
    contact: str = _setting("", "The operator's e-mail address, shown to readers; may be empty.")
    sign_up: str = _setting(
        "invitation",
        "Who may make an account: `open` for anybody, `invitation`, or `closed` for nobody.",
    )
    terms: str = _setting(
        "", "A Markdown file of the terms of use; empty means those that come with Readingroom."
    )
    terms_version: str = _setting(
        "2026-11-01",
        "The date of the terms; when it is another one, everybody is asked to accept them again.",
    )
    smtp: str = _setting(
        "",
        "The server that mail is sent by, `smtp://USER:PASSWORD@HOST:PORT` or `smtps://…`; "
        "empty means that messages are kept for administrators to see.",
        secret=True,
    )
    mail_from: str = _setting("", "The address that mail is from; empty means that of `contact`.")
    pending_days: int = _setting(
        14, "After how many days a case that was never published is deleted; 0 means never."
    )
    pending_notice_days: int = _setting(3, "How many days before that its owner is told.")
    private_blobs: str = _setting(
        "",
        "Where Part 10 files of private cases lie: a folder, or `s3://BUCKET/PREFIX`; "
        "empty means `private` in the data folder, or beside `blobs` in its bucket.",
    )
    private_bytes: int = _setting(
        100 * 1000**3, "How much room the private cases of one account may take, in bytes."
    )
    embed_ancestors: str = _setting(
        "*", "Whose pages may embed cases: origins with spaces between, or `*` for any."
    )
    log_format: str = _setting("text", "How the log is written: `text`, or `json`.")

    @property
    def sqlalchemy_url(self) -> str:
        """The URL of the index."""
        return self.database_url or f"sqlite:///{self.data / 'readingroom.sqlite'}"


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str | None] | None = None,
) -> Settings:
    """The settings in force.

    Args:
        file: a TOML file of settings by name.
        environment: instead of the process's own.
        flags: what the command line gave; None where it gave nothing.

    Raises:
        ConfigError: an unknown name, or a value that cannot be understood.
    """
    environment = os.environ if environment is None else environment
    given: dict[str, Any] = {}
    if file is not None:
        given |= _from_file(file)
    names = {f.name for f in fields(Settings)}
    for name in sorted(names):
        if (value := environment.get(PREFIX + name.upper())) is not None:
            given[name] = value
    given |= {name: value for name, value in (flags or {}).items() if value is not None}
    unknown = sorted(set(given) - names)
    if unknown:
        raise ConfigError(f"There is no setting named {unknown[0]}.")
    defaults = Settings()
    changes = {name: _typed(name, getattr(defaults, name), v) for name, v in given.items()}
    return replace(defaults, **changes)


def to_environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, so that another process's `load` gives the same."""
    return {PREFIX + f.name.upper(): str(getattr(settings, f.name)) for f in fields(Settings)}


def secret(settings: Settings) -> bytes:
    """The server's secret; the file is made if neither it nor the setting is there.

    Raises:
        ConfigError: the setting is too short.
    """
    if settings.secret:
        if len(settings.secret) < SECRET_BYTES:
            raise ConfigError(f"The secret has at least {SECRET_BYTES} characters.")
        return settings.secret.encode()
    path = settings.data / "secret"
    if path.exists():
        return path.read_bytes()
    # Made whole before it has its name: two processes may start at the same time.
    fresh = path.with_name(f"secret.{os.getpid()}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(handle, os.urandom(SECRET_BYTES))
        os.fsync(handle)
        os.close(handle)
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink(missing_ok=True)
    return path.read_bytes()


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError:
        raise ConfigError("The settings file cannot be read.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigError("The settings file is not TOML.") from None


def _typed(name: str, default: object, value: object) -> Any:  # noqa: ANN401 - the field's type
    try:
        if isinstance(default, Address):
            return Address.parse(str(value))
        if isinstance(default, bool):
            return _BOOLEANS[str(value).lower()]
        if isinstance(default, int):
            return int(str(value))
        return Path(str(value)) if isinstance(default, Path) else str(value)
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"The setting {name} has a value that cannot be understood.") from None


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
