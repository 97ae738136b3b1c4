"""The tunnel between an edge and the cloud."""
