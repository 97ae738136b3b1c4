"""The composition root: builds every part, wires them, runs them, stops them in two stages."""

from edge_agent.agent.agent import Agent as Agent
from edge_agent.agent.prepared import Prepared as Prepared
from edge_agent.agent.start import prepared as prepared
from edge_agent.agent.start import run as run
from edge_agent.agent.start import run_agent as run_agent
