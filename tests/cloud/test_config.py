"""cloud.yaml: what is right is read, what is wrong is named with its line."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cloud.config import ConfigError, load, parse

DOCS = Path(__file__).parents[2] / "docs"
FULL = b"""\
data_dir: state
web: {host: 0.0.0.0, port: 8443, public_url: "https://gw.example/", behind_proxy: true}
tunnel:
  port: 9443
  public_url: wss://tunnel.example
  certificate: tls/cert.pem
  key: tls/key.pem
webhooks:
  allow_private: [127.0.0.1/32, 10.1.0.0/16]
  total_s: 8
speech: {program: espeak-ng}
log: {level: debug}
"""


def test_everything_is_read_and_paths_begin_at_the_file(tmp_path: Path) -> None:
    config = parse(FULL, tmp_path / "cloud.yaml")
    assert config.data_dir == tmp_path / "state"
    assert config.database_url == f"sqlite:///{tmp_path / 'state' / 'cloud.db'}"
    assert (config.public_url, config.tunnel_url) == ("https://gw.example", "wss://tunnel.example")
    assert config.webhooks.allow_private == ("127.0.0.1/32", "10.1.0.0/16")
    assert config.webhooks.total_s == 8.0
    assert config.tunnel.certificate == str(tmp_path / "tls/cert.pem")


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "cloud.yaml").write_text("")
    config = load(tmp_path / "cloud.yaml")
    assert (config.web.host, config.public_url) == ("127.0.0.1", "http://127.0.0.1:8080")
    assert config.webhooks.allow_private == ()
    assert config.tunnel_url == "ws://127.0.0.1:8081"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "web:\n  prot: 1\n",
            "cloud.yaml line 2: web.prot: unknown key (known: behind_proxy, connections_per_address, ",
        ),
        ("\nweb:\n  port: many\n", "cloud.yaml line 3: web.port: must be a whole number, not text"),
        ("web: {host: 192.0.2.1}\n", "cloud.yaml line 1: web: speaks no TLS itself"),
        ("tunnel: {host: '::'}\n", "cloud.yaml line 1: tunnel: wants certificate and key beyond this machine"),
        ("web: 7\n", "cloud.yaml line 1: web: must be a mapping, not a whole number"),
        ("web: {port: 70000}\n", "cloud.yaml line 1: web.port: must be a port number, 0 to 65535"),
        ("web: {port: 1}\nweb: {port: 2}\n", "cloud.yaml line 2: web: is given twice"),
        (
            "web: {public_url: gw.example}",
            "line 1: web.public_url: must begin with http:// or https:// and name a host",
        ),
        ("tunnel: {public_url: 'http://x'}", "tunnel.public_url: must begin with ws:// or wss:// and name a host"),
        ("webhooks:\n  allow_private:\n    - lan\n", "line 2: webhooks.allow_private[0]: must be a network such as"),
        ("webhooks: {total_s: 0}", "must be above 0"),
        ("log: {level: loud}", "log.level: must be one of debug, info, warning, error"),
        ("tunnel: {certificate: a.pem}", "certificate and key belong together"),
        ("- a\n- b\n", "must be a mapping, not a list"),
        ("web: {port: 1\n", "cloud.yaml line 2 is not YAML"),
        ("web: [&a [*a]]", "cloud.yaml is not YAML"),
        ("a: !!python/object:os.system x", "cloud.yaml line 1 is not YAML"),
        ("\x00", "is not YAML"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), tmp_path / "cloud.yaml")
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_caps_are_checked(tmp_path: Path) -> None:
    assert parse(b"caps: {messages_per_day: 5, allow: ['+855']}", tmp_path / "c.yaml").caps.allow == ("+855",)
    with pytest.raises(ConfigError, match=r"c\.yaml line 1: caps\.deny: .* as \+855"):
        parse(b"caps: {deny: ['855']}", tmp_path / "c.yaml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "cloud.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        load(tmp_path / "big.yaml")


def documented(name: str, *beginnings: str) -> bytes:
    """The YAML blocks of a document that begin so."""
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    return "".join(block for block in blocks if block.startswith(beginnings)).encode()


def test_the_document_has_every_key_with_its_default(tmp_path: Path) -> None:
    told = parse(documented("operations.md", "data_dir: data "), tmp_path / "cloud.yaml")
    usual = parse(b"", tmp_path / "cloud.yaml")
    urls = {"web": told.web.public_url, "tunnel": told.tunnel.public_url}
    assert all(urls.values())
    web, tunnel = (replace(getattr(told, part), public_url="") for part in urls)
    assert replace(told, web=web, tunnel=tunnel) == usual
    text = documented("operations.md", "data_dir: data ") + documented("speech.md", "speech:", "recognition:")
    keys = {key for part in asdict(usual).items() for key in (part[0], *(part[1] if isinstance(part[1], dict) else ()))}
    assert sorted(key for key in keys if not re.search(rf"\b{key}:", text.decode())) == []


def test_the_examples_of_speech_are_taken(tmp_path: Path) -> None:
    config = parse(documented("speech.md", "speech:", "recognition:"), tmp_path / "cloud.yaml")
    assert config.speech.engines == ("cloud-voice", "flite")
    assert config.recognition.engines == {"en": "pocketsphinx", "km": "my-recogniser"}
