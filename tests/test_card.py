"""The card of a model folder: names from the data stand in it as they are, and act on nothing."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from mdshift.card import card


@dataclass
class Model:
    label: str = "y"
    classes: tuple[str, ...] = ("no", "yes")
    columns: tuple[str, ...] = ("age",)
    strategy: str = "coral"
    schema: SimpleNamespace = field(init=False)

    def __post_init__(self):
        self.schema = SimpleNamespace(columns=[SimpleNamespace(name=n) for n in self.columns], modality="table")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("age", "`age`"),
        ("</td></script>", "`</td></script>`"),
        ("a|b [c](d)", "`a|b [c](d)`"),
        ("exe\u202etxt", r"`exe\u202etxt`"),
        ("a\nb\x1b[31m", r"`a\nb\x1b[31m`"),
        ("a`b``c", "```a`b``c```"),
        ("`", "`` ` ``"),
        ("\ud800", r"`\ud800`"),
        ("a\u00a0b", "`a\u00a0b`"),
        ("x" * 200, f"`{'x' * 79}…`"),
    ],
)
def test_a_name_stands_as_it_is_and_acts_on_nothing(name, shown):
    for model in (Model(label=name), Model(classes=(name, "b")), Model(columns=("a", name))):
        made = card(model, {"reason": "\u202e"})
        assert shown in made
        assert "\u202e" not in made
    construction = {"split": "grouped", "group": name, "class_weight": "none"}
    built = card(Model(), {"candidates": [{"evidence": {"construction": construction}}]})
    assert f"split grouped by {shown}." in built
