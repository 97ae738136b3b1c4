"""cloud.yaml → CloudConfig. Nothing else in the cloud reads configuration.

A problem is one sentence with the file, the line and the path of the key:
``cloud.yaml line 7: web.prot: unknown key (known: host, port, public_url)``.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from cloud import sealing
from cloud.sealing import Seals
from telecore.caps import Caps
from telecore.caps import check as check_caps
from telecore.errors import InvalidRequest
from telecore.hosts import is_loopback
from telecore.schema import SchemaError, read

_MAX_BYTES = 1_000_000
_MAX_PORT = 65535
MOST_CALLS_S = 3600
_LEVELS = ("debug", "info", "warning", "error")
_SCHEMES = {"web.public_url": ("http", "https"), "tunnel.public_url": ("ws", "wss")}

Lines = dict[str, int]


class ConfigError(InvalidRequest):
    """The configuration cannot be used; the message is for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class WebConfig:
    """``public_url`` is how customers and edges reach this server: it stands in the URLs of recordings.

    ``two_factor``: no operator comes in without a second factor. ``session_…_s``: after so long unused, and of age.
    ``trusted_proxies`` are believed when they say for whom they ask; ``connections_per_address`` is of all others.
    ``requests_per_s``: of an account that has no rate of its own; 0 for as many as there come.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    behind_proxy: bool = False
    two_factor: bool = False
    session_idle_s: float = 3600.0
    session_life_s: float = 43200.0
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    connections_per_address: int = 256
    requests_per_s: int = 1000


@dataclass(frozen=True, slots=True)
class TunnelConfig:
    """Where edges connect. Beyond loopback it wants a certificate, or a proxy in front of it that speaks TLS."""

    host: str = "127.0.0.1"
    port: int = 8081
    public_url: str = ""
    certificate: str | None = None
    key: str | None = None
    behind_proxy: bool = False


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """``allow_private``: networks beyond the public Internet that customers' URLs may lead to."""

    allow_private: tuple[str, ...] = ()
    connect_s: float = 5.0
    total_s: float = 15.0


@dataclass(frozen=True, slots=True)
class PiperConfig:
    """``models``: language tag → path of a ``.onnx`` file, relative to cloud.yaml's folder."""

    program: str = "piper"
    models: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """``program`` is espeak-ng's, and renders text within this time or not at all.

    ``engines`` are asked before it, in this order, for the languages they have: ``flite``, ``piper``, or a plug-in's
    name, whose options stand in ``plugins`` under that name. docs/speech.md.
    """

    program: str = "espeak-ng"
    within_s: float = 20.0
    engines: tuple[str, ...] = ()
    flite: str = "flite"
    piper: PiperConfig = field(default_factory=PiperConfig)
    plugins: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecognitionConfig:
    """``engines``: language tag, its first part or ``*`` → ``pocketsphinx`` or a plug-in's name. docs/speech.md.

    ``within_s``: from the end of what was said to its words. ``at_once``: utterances, 0 for one per core.
    """

    engines: dict[str, str] = field(default_factory=dict)
    within_s: float = 10.0
    at_once: int = 0
    plugins: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StopConfig:
    """``calls_s``: how long live calls may go on when the controller is told to stop."""

    calls_s: float = 30.0


@dataclass(frozen=True, slots=True)
class LogConfig:
    level: str = "info"


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """``database`` is SQLAlchemy's URL; without it a SQLite file in ``data_dir``, relative to the file's folder.

    ``seal_keys``: the file with the keys of the secrets in it, if not ``seal-keys.json`` in ``data_dir``.
    """

    data_dir: Path = Path("data")
    database: str = ""
    seal_keys: str = ""
    web: WebConfig = field(default_factory=WebConfig)
    tunnel: TunnelConfig = field(default_factory=TunnelConfig)
    webhooks: WebhookConfig = field(default_factory=WebhookConfig)
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    log: LogConfig = field(default_factory=LogConfig)
    stop: StopConfig = field(default_factory=StopConfig)
    caps: Caps = field(default_factory=Caps)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir / 'cloud.db'}"

    def seals(self) -> Seals:
        """The keys of the secrets in the database: systemd's credential, or those of the file."""
        return sealing.beside(self.data_dir, self.seal_keys)

    @property
    def public_url(self) -> str:
        return (self.web.public_url or f"http://{self.web.host}:{self.web.port}").rstrip("/")

    @property
    def tunnel_url(self) -> str:
        scheme = "wss" if self.tunnel.certificate else "ws"
        return (self.tunnel.public_url or f"{scheme}://{self.tunnel.host}:{self.tunnel.port}").rstrip("/")


@dataclass(frozen=True, slots=True)
class _Document:
    """The file's own form: as CloudConfig, with the folder as text."""

    data_dir: str = "data"
    database: str = ""
    seal_keys: str = ""
    web: WebConfig = field(default_factory=WebConfig)
    tunnel: TunnelConfig = field(default_factory=TunnelConfig)
    webhooks: WebhookConfig = field(default_factory=WebhookConfig)
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    log: LogConfig = field(default_factory=LogConfig)
    stop: StopConfig = field(default_factory=StopConfig)
    caps: Caps = field(default_factory=Caps)


def load(path: Path) -> CloudConfig:
    """Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path} is larger than 1 MB")
    return parse(data, path)


def parse(data: bytes, path: Path) -> CloudConfig:
    """``path`` names the file in messages, and its folder is where relative paths begin. Raises ConfigError."""
    lines: Lines = {}
    try:
        value = _value(yaml.compose(data, Loader=yaml.SafeLoader), "", lines)
        document = read(_Document, {} if value is None else value)
        _check(document)
    except SchemaError as error:
        raise ConfigError(f"{path.name}{_place(error.path, lines)}: {error.message}", field=error.path) from error
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path.name}{where} is not YAML: {getattr(error, 'problem', None) or 'not text'}") from error
    return _resolved(document, path.absolute().parent)


def _value(node: yaml.Node | None, path: str, lines: Lines) -> object:
    """The value of a node, and on the way the line of every key."""
    if isinstance(node, yaml.MappingNode):
        out: dict[str, object] = {}
        for key, item in node.value:
            name = str(key.value)
            where = f"{path}.{name}" if path else name
            lines.setdefault(where, key.start_mark.line + 1)
            if name in out:
                lines[where] = key.start_mark.line + 1
                raise SchemaError(where, "is given twice")
            out[name] = _value(item, where, lines)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, f"{path}[{n}]", lines) for n, item in enumerate(node.value)]
    return None if node is None else yaml.SafeLoader("").construct_object(node)


def _place(path: str, lines: Lines) -> str:
    """`` line 7`` of the key, or of the nearest one above it that is in the file."""
    while path and path not in lines:
        path = re.sub(r"(\.|^)[^.\[]*$|\[\d+\]$", "", path)
    return f" line {lines[path]}" if path in lines else ""


def _check(document: _Document) -> None:
    for name, port in (("web.port", document.web.port), ("tunnel.port", document.tunnel.port)):
        if not 0 <= port <= _MAX_PORT:
            raise SchemaError(name, "must be a port number, 0 to 65535")
    for name, url in (("web.public_url", document.web.public_url), ("tunnel.public_url", document.tunnel.public_url)):
        if url and (urlsplit(url).scheme not in _SCHEMES[name] or not urlsplit(url).hostname):
            raise SchemaError(name, f"must begin with {' or '.join(f'{s}://' for s in _SCHEMES[name])} and name a host")
    _check_web(document.web)
    _check_networks(document)
    if document.webhooks.connect_s <= 0 or document.webhooks.total_s <= 0:
        raise SchemaError("webhooks", "connect_s and total_s must be above 0")
    if document.speech.within_s <= 0:
        raise SchemaError("speech.within_s", "must be above 0")
    if document.recognition.within_s <= 0 or document.recognition.at_once < 0:
        raise SchemaError("recognition", "within_s must be above 0, and at_once not below it")
    _check_stop(document.stop)
    try:
        check_caps(asdict(document.caps))
    except InvalidRequest as error:
        raise SchemaError(f"caps.{error.field}", error.message) from error
    if document.log.level not in _LEVELS:
        raise SchemaError("log.level", f"must be one of {', '.join(_LEVELS)}")
    if (document.tunnel.certificate is None) != (document.tunnel.key is None):
        raise SchemaError("tunnel", "certificate and key belong together")
    if not (document.tunnel.certificate or document.tunnel.behind_proxy or is_loopback(document.tunnel.host)):
        raise SchemaError("tunnel", "wants certificate and key beyond this machine, or behind_proxy: true")
    if not (document.web.behind_proxy or is_loopback(document.web.host)):
        raise SchemaError(
            "web", "speaks no TLS itself: beyond this machine say behind_proxy: true, with a proxy that does"
        )


def _check_web(web: WebConfig) -> None:
    if web.session_idle_s <= 0 or web.session_life_s <= 0:
        raise SchemaError("web", "session_idle_s and session_life_s must be above 0")
    if web.connections_per_address < 1 or web.requests_per_s < 0:
        raise SchemaError("web", "connections_per_address must be above 0, and requests_per_s not below it")


def _check_networks(document: _Document) -> None:
    networks = {
        "web.trusted_proxies": document.web.trusted_proxies,
        "webhooks.allow_private": document.webhooks.allow_private,
    }
    for name, listed in networks.items():
        for number, network in enumerate(listed):
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise SchemaError(f"{name}[{number}]", "must be a network such as 10.1.0.0/16") from None


def _check_stop(stop: StopConfig) -> None:
    if not 0 <= stop.calls_s <= MOST_CALLS_S:
        raise SchemaError("stop.calls_s", f"must be from 0 to {MOST_CALLS_S} seconds")


def _resolved(document: _Document, folder: Path) -> CloudConfig:
    tunnel = document.tunnel
    if tunnel.certificate is not None and tunnel.key is not None:
        tunnel = replace(tunnel, certificate=str(folder / tunnel.certificate), key=str(folder / tunnel.key))
    piper = document.speech.piper
    models = {tag: str(folder / path) for tag, path in piper.models.items()}
    return CloudConfig(
        data_dir=folder / document.data_dir,
        database=document.database,
        seal_keys=str(folder / document.seal_keys) if document.seal_keys else "",
        web=document.web,
        tunnel=tunnel,
        webhooks=document.webhooks,
        speech=replace(document.speech, piper=replace(piper, models=models)),
        recognition=document.recognition,
        log=document.log,
        stop=document.stop,
        caps=document.caps,
    )
