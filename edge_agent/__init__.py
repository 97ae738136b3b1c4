"""The edge agent: manages SIMs and channels on a site and carries their calls and SMS through one tunnel."""

__version__ = "0.1.0"
