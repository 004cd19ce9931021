import pytest

from mdshift import declare
from mdshift.errors import MdshiftError, UsageError, nearest


def declared():
    from dataclasses import dataclass
    from typing import ClassVar

    @dataclass(frozen=True)
    class Thing:
        name: ClassVar[str] = "thing"
        weight: float = declare.param(1.0, "a weight", low=0, high=2)
        steps: int = declare.param(5, "steps", low=1)
        mode: str = declare.param("a", "a mode", choices=("a", "b"))
        on: bool = declare.param(False, "a switch")

    return Thing


def test_settings_are_converted_to_the_declared_types():
    made = declare.configure(declared(), {"weight": "0.5", "steps": "7", "mode": "b", "on": "true"})
    assert (made.weight, made.steps, made.mode, made.on) == (0.5, 7, "b", True)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"wieght": 1}, "weight"),
        ({"weight": 3}, "[0, 2]"),
        ({"weight": "nan"}, "[0, 2]"),
        ({"weight": "-inf"}, "[0, 2]"),
        ({"steps": 0}, "[1, inf]"),
        ({"steps": "many"}, "int"),
        ({"mode": "c"}, "a, b"),
        ({"on": "perhaps"}, "bool"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(settings, part):
    with pytest.raises(UsageError) as caught:
        declare.configure(declared(), settings)
    assert part in f"{caught.value} {caught.value.hint}"


def test_parameters_carry_their_bounds():
    weight = declare.parameters(declared())[0]
    assert (weight.name, weight.default, weight.low, weight.high) == ("weight", 1.0, 0, 2)


def test_generators_are_keyed_by_seed_and_name_not_by_order():
    a = declare.generator(0, "mmd", 3).normal(size=3)
    declare.generator(0, "other").normal(size=100)
    assert (declare.generator(0, "mmd", 3).normal(size=3) == a).all()
    assert (declare.generator(0, "mmd", 4).normal(size=3) != a).all()
    assert (declare.generator(1, "mmd", 3).normal(size=3) != a).all()


@pytest.mark.parametrize("kind", ["strategy", "probe", "rule", "validator", "reader"])
def test_every_declared_thing_has_a_name_and_a_manual_page(kind):
    found = declare.every(kind)
    assert found, f"no {kind} is declared"
    for name, thing in found.items():
        assert name == thing.name
        assert len((thing.__doc__ or "").split()) >= 5, f"{kind} {name} has no manual page"


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UsageError) as caught:
        declare.lookup("strategy", "corral")
    assert "coral" in caught.value.hint
    assert nearest("zzz", []) == "there is none"


def test_every_error_has_a_documented_exit_code():
    def walk(kind):
        yield kind
        for sub in kind.__subclasses__():
            yield from walk(sub)

    assert {kind.exit_code for kind in walk(MdshiftError)} <= {2, 3, 70, 130}


@pytest.mark.parametrize("given", ["inf", "-inf", "nan", "1e400"])
def test_a_parameter_is_a_finite_number(given):
    with pytest.raises(UsageError, match="must be a finite number"):
        declare.configure(declare.lookup("strategy", "irm"), {"weight": given})
