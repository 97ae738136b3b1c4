"""``edge-agent status``."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from edge_agent.cli.commands import DEFAULT_CONFIG, Commands, Failed, load
from telecore.errors import InvalidRequest

DEFAULT_STATUS = "http://127.0.0.1:9120"
_TIMEOUT_S = 5.0
_LIMIT = 4 << 20


def add(commands: Commands) -> None:
    status = commands.add(
        "status", _status, "show channels, SIMs, calls, tunnel and warnings of the running agent",
        more="With a channel: all that is known of it, and what happened to it lately.",
        examples="  edge-agent status\n  edge-agent status modem1\n  edge-agent status --json | jq .channels",
    )  # fmt: skip
    status.add_argument("channel", metavar="CHANNEL", nargs="?", help="one channel in detail")
    status.add_argument("--config", type=Path, metavar="FILE", help="take the status port from this configuration")
    status.add_argument("--url", help=f"where the agent tells its status (default: {DEFAULT_STATUS})")
    status.add_argument("--data-dir", type=Path, metavar="DIR", help="of the running agent, for one channel in detail")
    status.add_argument("--json", action="store_true", help="as JSON instead of a table")


def _status(options: argparse.Namespace) -> int:
    from edge_agent.status_table import as_table

    if options.channel is not None:
        return _detail(options)
    url = options.url or _status_url(options.config)
    status = _get_json(f"{url.rstrip('/')}/status")
    print(json.dumps(status, indent=2) if options.json else as_table(status))
    return 0


def _detail(options: argparse.Namespace) -> int:
    from edge_agent.control.client import ask
    from edge_agent.control.requests import Detail
    from edge_agent.status_detail import as_detail

    data_dir: Path = options.data_dir or load(options.config or DEFAULT_CONFIG).data_dir
    detail = ask(data_dir, Detail(channel=options.channel))
    print(json.dumps(detail, indent=2) if options.json else as_detail(detail, time.time()))
    return 0


def _status_url(config: Path | None) -> str:
    if config is None:
        if not DEFAULT_CONFIG.exists():
            return DEFAULT_STATUS
        config = DEFAULT_CONFIG
    port = load(config).status.port
    if port is None:
        raise InvalidRequest(f"{config}: status.port switches the status page off")
    return f"http://127.0.0.1:{port}"


def _get_json(url: str) -> Any:
    import urllib.error
    import urllib.request

    if not url.startswith(("http://", "https://")):
        raise InvalidRequest(f"{url!r} must begin with http:// or https://")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as answer:
            return json.loads(answer.read(_LIMIT))
    except urllib.error.HTTPError as error:
        raise Failed(f"{url} answered {error.code}") from error
    except OSError as error:
        raise Failed(f"no agent answers at {url}: {getattr(error, 'reason', error)}") from error
    except ValueError as error:
        raise Failed(f"{url} did not answer with an agent's status") from error
