"""What is read from disk before the loop begins to turn."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.devices.profiles import Profiles
from edge_agent.identity import Identity, JoinStates
from edge_agent.sims.recipes import Recipes


@dataclass(frozen=True, slots=True)
class Prepared:
    """Who this edge is, and what it knows of modems and operators."""

    identity: Identity
    states: JoinStates
    profiles: Profiles
    recipes: Recipes = field(default_factory=Recipes)
