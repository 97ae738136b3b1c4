"""The edge's end of the tunnel: ``uplink`` keeps it up, ``session`` serves a connection, ``line`` is the websocket."""

from edge_agent.lean import later

# websockets imports both, for proxies and for versions that are not released, and with them all of http and email.
later("urllib.request", "importlib.metadata")

from edge_agent.uplink.line import AuthenticationRefused, LineTimes  # noqa: E402
from edge_agent.uplink.uplink import Uplink, UplinkTimes  # noqa: E402

__all__ = ["AuthenticationRefused", "LineTimes", "Uplink", "UplinkTimes"]
