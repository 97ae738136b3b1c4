"""The recipes that come with the agent and those of the site: read, checked, and chosen by SIM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from edge_agent.sims.reading import read_balance, read_top_up
from edge_agent.sims.recipe import Recipe, Vector, problems
from edge_agent.yaml_lines import Lines, YamlProblem, load
from telecore.errors import InvalidRequest
from telecore.model import Sim
from telecore.schema import SchemaError, read

SHIPPED = Path(__file__).parent / "recipes"


class RecipeError(InvalidRequest):
    """Recipes cannot be used. ``problems`` are whole sentences with file, line and path."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Recipes:
    """By name; a site's own recipe replaces a shipped one of the same name, and is preferred to all shipped ones."""

    shipped: tuple[Recipe, ...] = ()
    own: tuple[Recipe, ...] = ()

    @property
    def all(self) -> tuple[Recipe, ...]:
        """In the order in which they are tried."""
        names = {recipe.name for recipe in self.own}
        return (*self.own, *(recipe for recipe in self.shipped if recipe.name not in names))

    def named(self, name: str) -> Recipe | None:
        """Also one that is disabled: who names it wants it."""
        return next((recipe for recipe in self.all if recipe.name == name), None)

    def choose(self, sim: Sim, wanted: str = "auto") -> Recipe | None:
        """``wanted``: ``none``, a name, or ``auto``: by the network that issued the SIM, as its IMSI begins."""
        if wanted == "none":
            return None
        if wanted != "auto":
            return self.named(wanted)
        home = sim.imsi or sim.operator or ""
        fits = (recipe for recipe in self.all if recipe.enabled and any(map(home.startswith, recipe.plmn)))
        return next(fits, None)


def load_recipes(own: Path | None = None) -> Recipes:
    """Read the shipped recipes and a folder of the site. Raises RecipeError with every problem of every file."""
    found: list[str] = []
    shipped = _folder(SHIPPED, found)
    mine = _folder(own, found) if own is not None else ()
    if found:
        raise RecipeError(found)
    return Recipes(shipped, mine)


def load_recipe(path: Path) -> Recipe:
    """Read one file. Raises RecipeError."""
    try:
        data, lines = load(path)
    except YamlProblem as problem:
        raise RecipeError([f"{path.name}{problem.where}: {problem}"]) from problem
    except OSError as error:
        raise RecipeError([f"{path}: {error.strerror or error}"]) from error
    if isinstance(data, dict):
        data.setdefault("name", path.stem)
    try:
        recipe = read(Recipe, data)
    except SchemaError as error:
        raise RecipeError([_sentence(path, lines, error.path, error.problem)]) from error
    found = [_sentence(path, lines, where, problem) for where, problem in problems(recipe)]
    if found:
        raise RecipeError(found)
    return recipe


def failures(recipe: Recipe) -> Iterator[str]:
    """What the recipe reads otherwise than its vectors say."""
    for number, vector in enumerate(recipe.vectors):
        got = _reads(recipe, vector)
        if got != replace(vector, seen=False):
            yield f"{recipe.name}: vectors[{number}]: {vector.text!r}: read {_shown(got)}, expected {_shown(vector)}"


def _reads(recipe: Recipe, vector: Vector) -> Vector:
    if vector.outcome is not None:
        outcome = read_top_up(recipe.top_up, vector.text) if recipe.top_up else "unknown"
        return Vector(vector.text, outcome=outcome)
    reading = read_balance(recipe.balance, [vector.text], date.fromisoformat(recipe.today))
    amount = None if reading.amount is None else str(reading.amount)
    expires_on = reading.expires_on.isoformat() if reading.expires_on else None
    return Vector(vector.text, amount, reading.currency, expires_on)


def _shown(vector: Vector) -> str:
    if vector.outcome is not None:
        return f"outcome {vector.outcome}"
    return f"amount {vector.amount or 'unknown'} {vector.currency}".rstrip() + (
        f", expires {vector.expires_on}" if vector.expires_on else ""
    )


def _folder(folder: Path, found: list[str]) -> tuple[Recipe, ...]:
    recipes: list[Recipe] = []
    if not folder.is_dir():
        found.append(f"{folder}: there is no such folder")
    for path in sorted(folder.glob("*.yaml")):
        try:
            recipe = load_recipe(path)
        except RecipeError as error:
            found += error.problems
            continue
        found += [f"{path.name}: {problem}" for problem in _clashes(recipe, recipes)]
        recipes.append(recipe)
    return tuple(recipes)


def _clashes(recipe: Recipe, others: Sequence[Recipe]) -> Iterator[str]:
    for other in others:
        if other.name == recipe.name:
            yield f"name: {recipe.name!r} is the name of two recipes"
        both = set(other.plmn) & set(recipe.plmn)
        if both and other.enabled and recipe.enabled:
            yield f"plmn: {min(both)} is claimed by {other.name!r} as well, and both are enabled"


def _sentence(path: Path, lines: Lines, where: str, problem: str) -> str:
    at: str = where
    while at and at not in lines:
        at = at[: max(at.rfind("."), at.rfind("["), 0)]
    line = f" line {lines[at]}" if at in lines else ""
    return f"{path.name}{line}: {where}: {problem}" if where else f"{path.name}{line}: {problem}"
