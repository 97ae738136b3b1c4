import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.backoff import Policy, ceiling, next_delay

POLICY = Policy(first=1, factor=2, cap=60)


def test_the_ceiling_doubles_up_to_the_cap():
    assert [ceiling(POLICY, n) for n in range(9)] == [1, 1, 2, 4, 8, 16, 32, 60, 60]
    assert ceiling(POLICY, 10**9) == 60
    assert ceiling(Policy(5, 1, 60), 99) == 5


def test_jitter_is_full():
    assert next_delay(POLICY, 4, lambda: 0.0) == 0
    assert next_delay(POLICY, 4, lambda: 0.5) == 4
    assert next_delay(POLICY, 4, lambda: 0.999) < 8


@given(
    st.floats(0.01, 10),
    st.floats(1, 5),
    st.floats(10, 1e4),
    st.integers(0, 10_000),
    st.floats(0, 1, exclude_max=True),
)
def test_it_never_exceeds_the_cap_and_never_shrinks(first: float, factor: float, cap: float, n: int, chance: float):
    policy = Policy(first, factor, cap)
    assert 0 <= next_delay(policy, n, lambda: chance) <= cap
    assert first <= ceiling(policy, n) <= ceiling(policy, n + 1) <= cap


@pytest.mark.parametrize("values", [(0, 2, 60), (1, 0.5, 60), (61, 2, 60), (1, 2, float("inf")), (-1, 2, 60)])
def test_senseless_policies(values: tuple[float, float, float]):
    with pytest.raises(ValueError, match="must have"):
        Policy(*values)
