"""The cloud's end of the tunnel: ``hub`` accepts edges, ``session`` serves one, ``line`` is the door to websockets."""
