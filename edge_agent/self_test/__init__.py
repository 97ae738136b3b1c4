"""An SMS and a short call between two SIMs of this site, measured. Both are charged like any other."""

from edge_agent.self_test.self_test import SelfTest as SelfTest
