"""The cloud controller: Twilio's REST API, TwiML, routing and the watch over a fleet of edges."""

__version__ = "0.1.0"
