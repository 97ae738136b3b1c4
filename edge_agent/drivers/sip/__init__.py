"""SIP and RTP: our own user agent for gateways and trunks. Parsing and states are sans-I/O; sockets are at the ends."""
