"""What is asked of the cloud's command line before a lab's first start, in one process: most of a command is its start.

Run by its path: the checkout whose cloud it founds may know nothing of it. Arguments: the cloud's configuration, the
file that keeps the account, the operator's name, and the edges that want a token. One line of JSON comes out:
``{edge: token}``.
"""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import sys
from pathlib import Path

from cloud.__main__ import main as cloud
from scripts.labkit.kept import keep, kept


class Refused(Exception):
    """A command ended with this status; why is on standard error."""


def run(*command: str) -> str:
    """What the command printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = cloud(command)
    if status:
        raise Refused(status)
    return said.getvalue()


def found(config: str, book: str, operator: str, *edges: str) -> dict[str, str]:
    """Database, account and operator where no account is kept, and a token for each of these edges."""
    at = ("--config", config, "--json")
    account = kept(Path(book))
    if account is None:
        run("migrate", "--config", config)
        made = json.loads(run("create-account", "Lab", *at))
        password = secrets.token_urlsafe(12)
        run("create-operator", operator, f"--password={password}", *at)
        account = {"sid": made["sid"], "auth_token": made["auth_token"], "password": password}
        keep(Path(book), account)  # before it has edges, which belong to one account for good
    # The account is named, since a lab that was killed while it started may have left one more behind.
    asked = ("--account", account["sid"], *at)
    return {edge: json.loads(run("enrol-edge", edge, *asked))["token"] for edge in edges}


if __name__ == "__main__":
    try:
        print(json.dumps(found(*sys.argv[1:])))
    except Refused as refused:
        sys.exit(refused.args[0])
