"""``edge-agent recipes``: how operators are asked for balances, and whether a site's own recipe works."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge_agent.cli.commands import DEFAULT_CONFIG, Commands, load


def add(commands: Commands) -> None:
    recipes = commands.add(
        "recipes", _recipes, "list the recipes for balances and vouchers, or test files of your own",
        more="A recipe is a YAML file: codes, expressions, formats, and texts with what must be read in them.",
        examples="  edge-agent recipes\n  edge-agent recipes test /etc/edge-agent/recipes/mine.yaml",
    )  # fmt: skip
    recipes.add_argument("test", nargs="?", choices=("test",), help="check these files and read their test vectors")
    recipes.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recipes to be tested")
    recipes.add_argument("--config", type=Path, metavar="FILE", help="take the site's own recipes from there")
    recipes.add_argument("--json", action="store_true", help="as JSON instead of a table")


def _recipes(options: argparse.Namespace) -> int:
    if options.test:
        return _test(options.files)
    from edge_agent.sims.recipes import load_recipes

    recipes = load_recipes(_own(options.config))
    rows = [
        {
            "name": recipe.name,
            "country": recipe.country,
            "operator": recipe.operator,
            "networks": " ".join(recipe.plmn),
            "enabled": recipe.enabled,
            "verified": recipe.verified,
            "own": recipe in recipes.own,
            "source": recipe.source,
        }
        for recipe in recipes.all
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        state = "enabled" if row["enabled"] else "disabled"
        proof = "code verified" if row["verified"] else "NOT verified"
        print(f"{row['name']:<16} {row['country']}  {state:<9} {proof:<14} {row['operator']} ({row['networks']})")
        print(f"{'':<16} {'your own; ' if row['own'] else ''}{row['source']}")
    return 0


def _own(config: Path | None) -> Path | None:
    if config is None:
        if not DEFAULT_CONFIG.exists():
            return None
        config = DEFAULT_CONFIG
    folder = load(config).sims.recipes
    return Path(folder) if folder else None


def _test(files: list[Path]) -> int:
    from edge_agent.sims.recipes import SHIPPED, RecipeError, failures, load_recipe

    bad = 0
    for path in files or sorted(SHIPPED.glob("*.yaml")):
        try:
            recipe = load_recipe(path)
        except RecipeError as error:
            bad += 1
            print(error, file=sys.stderr)
            continue
        wrong = list(failures(recipe))
        bad += bool(wrong)
        for failure in wrong:
            print(failure, file=sys.stderr)
        print(f"{path.name}: {len(recipe.vectors) - len(wrong)} of {len(recipe.vectors)} texts read as they should be")
    return 1 if bad else 0
