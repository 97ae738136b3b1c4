"""Devices of a site: found, profiled, made by their driver's name, and kept running."""
