"""Every shipped recipe reads its own vectors; a site's own is told what is wrong with it, and where."""

import re
from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.sims.recipe import BalanceRecipe
from edge_agent.sims.recipes import SHIPPED, RecipeError, Recipes, failures, load_recipe, load_recipes
from telecore.ids import Iccid, Imsi, Plmn
from telecore.model import Sim

OWN = """\
operator: Mine
country: "KH"
plmn: ["45601"]
source: a phone, yesterday
balance:
  steps: ["*100#"]
  match: ['left: (?P<amount>[0-9.]+)']
vectors:
  - {text: "left: 5.00", amount: "5.00"}
"""


def sim(imsi=None, operator=None):
    return Sim(Iccid("8985500000000000001"), imsi=imsi and Imsi(imsi), operator=operator and Plmn(operator))


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_recipe_reads_its_vectors(path):
    recipe = load_recipe(path)
    assert list(failures(recipe)) == []
    assert recipe.verified or not recipe.enabled, "what is not verified is shipped disabled"


def test_the_shipped_ones_do_not_clash_and_know_the_simulator():
    recipes = load_recipes()
    assert len(recipes.shipped) >= 10
    assert recipes.choose(sim("456910000000001")).name == "simferry"


def test_a_sim_is_known_by_its_home_network_not_by_the_one_it_visits(tmp_path):
    recipes = load_recipes()
    assert recipes.choose(sim("456010000000001", operator="45691")).name == "kh_cellcard"
    assert recipes.choose(sim(operator="45691")).name == "simferry"
    assert recipes.choose(sim()) is None


def test_a_disabled_one_is_used_only_by_name():
    recipes = load_recipes()
    assert recipes.choose(sim("456080000000001")) is None
    assert recipes.choose(sim("456080000000001"), "kh_metfone").name == "kh_metfone"
    assert recipes.choose(sim("456910000000001"), "none") is None
    assert recipes.choose(sim("456910000000001"), "no-such") is None


def test_a_sites_own_recipe_goes_before_the_shipped_ones(tmp_path):
    (tmp_path / "mine.yaml").write_text(OWN)
    assert load_recipes(tmp_path).choose(sim("456010000000001")).name == "mine"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("balance:", "balanse:"), "mine.yaml line 5: balanse: unknown key"),
        (('steps: ["*100#"]', "steps: []"), "mine.yaml line 6: balance.steps: is empty"),
        (('steps: ["*100#"]', 'steps: ["hello you"]'), "line 6: balance.steps[0]: must begin with a USSD code"),
        (("(?P<amount>[0-9.]+)", "(?P<amount>[0-9.]+"), "line 7: balance.match[0]: is no regular expression"),
        (("?P<amount>", "?P<sum>"), "line 7: balance.match[0]: unknown group 'sum'"),
        (("(?P<amount>[0-9.]+)", "([0-9.]+)"), "balance.match[0]: has no named group"),
        (('country: "KH"', "country: Cambodia"), "line 2: country: must be two capital letters"),
        (('["45601"]', '["456"]'), "line 3: plmn[0]: must be five or six digits"),
        (("source: a phone, yesterday\n", ""), "source: is missing"),
        (("vectors:\n", "vectors: []\nx:\n"), "line 9: x: unknown key"),
        (("balance:\n", "balance:\n  answer_via: sms\n"), "balance.sender: is needed with answer_via: sms"),
        (
            ("vectors:", '  dates: ["%d/%m/%Y", "%d%d.%m.%Y"]\nvectors:'),
            "line 8: balance.dates[1]: must read a whole date",
        ),
        (("vectors:", '  dates: ["%Q"]\nvectors:'), "balance.dates[0]: must read a whole date, each part once"),
        (("vectors:", '  dates: ["%d.%m"]\nvectors:'), "balance.dates[0]: must read a whole date"),
        (("vectors:", 'top_up: {code: "*1#", done: ok}\nvectors:'), "top_up.code: must hold {pin} once"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_path(tmp_path, change, problem):
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace(*change))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert problem in str(caught.value)


def test_two_recipes_of_one_network_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(OWN)
    (tmp_path / "b.yaml").write_text(OWN)
    with pytest.raises(RecipeError, match="45601 is claimed by 'a' as well"):
        load_recipes(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RecipeError, match="no such folder"):
        load_recipes(tmp_path / "none")


def test_a_wrong_vector_says_what_was_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace('amount: "5.00"', 'amount: "6.00"'))
    (failure,) = failures(load_recipe(path))
    assert "read amount 5.00, expected amount 6.00" in failure


def test_steps_are_words_or_mappings():
    steps = BalanceRecipe(steps=("*1#",), match=("x",)).plan
    assert (steps[0].send, steps[0].to, steps[0].when) == ("*1#", "", "")
    assert Recipes().all == ()


def test_the_example_of_the_documentation_works(tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.S)
    (tmp_path / "mine.yaml").write_text(next(block for block in blocks if block.startswith("operator:")))
    recipe = load_recipe(tmp_path / "mine.yaml")
    assert list(failures(recipe)) == []
    sims = next(block for block in blocks if block.startswith("sims:"))
    (tmp_path / "agent.yaml").write_text(f"data_dir: data\n{sims}")
    assert load_config(tmp_path / "agent.yaml").sims.quotas.sms_per_day == 500
