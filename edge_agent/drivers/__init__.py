"""What reaches a phone network, one package per kind of device. They know ``contracts`` and ``telecore``, no more."""
