"""Gateways and links that are no modem: each vendor's own tongue, and SMPP. Codecs are sans-I/O, apart from sockets."""
