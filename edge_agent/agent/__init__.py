"""The composition root: builds every part, wires them, runs them, stops them in two stages."""

from edge_agent.agent.agent import Agent as Agent
from edge_agent.agent.agent import run as run
from edge_agent.agent.agent import run_agent as run_agent
