"""The edge's end of the tunnel: ``uplink`` keeps it up, ``session`` serves a connection, ``line`` is the websocket."""

from edge_agent.uplink.line import AuthenticationRefused, LineTimes
from edge_agent.uplink.uplink import Uplink, UplinkTimes

__all__ = ["AuthenticationRefused", "LineTimes", "Uplink", "UplinkTimes"]
