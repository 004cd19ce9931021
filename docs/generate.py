"""Write the pages of `docs/` that are made from declarations: `python docs/generate.py`. A test compares them."""  # noqa: INP001 - a script

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdshift.declare import Kind

FOLDER = Path(__file__).parent
NOTICE = "<!-- Made by `python docs/generate.py` from the declarations in the code. Do not edit. -->\n"
PART = re.compile(r"^(Assumes|Helps|Hurts): ")
FORMS = {
    "diagnose": "SOURCE... TARGET",
    "recommend": "[SOURCE... TARGET | DIAGNOSIS.json | -]",
    "adapt": "[SOURCE... TARGET]",
    "predict": "MODEL DATA",
    "evaluate": "MODEL DATA",
    "explain": "[NAME]",
    "runs": "[ID...]",
    "samples": "DIR",
    "doctor": "",
}


def table(headers: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[str]:
    """The lines of a Markdown table."""
    heads = list(headers)
    return [_row(heads), _row(["---"] * len(heads)), *(_row([str(c) for c in row]) for row in rows), ""]


def paragraphs(entry: Mapping[str, Any]) -> list[str]:
    """The text of an entry, with what it assumes, where it helps and where it hurts in bold."""
    return [line for p in entry["text"] for line in (PART.sub(r"**\1.** ", p), "")]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def worth() -> str:
    """What the strategies gained on open data: written by hand around the table that the benchmark last printed."""
    printed = (FOLDER.parent / "benchmarks" / "strategies" / "table.txt").read_text("utf-8").strip("\n")
    return (FOLDER / "worth.md").read_text("utf-8").strip().replace("TABLE", f"```\n{printed}\n```")


def strategies() -> str:
    """Every strategy: what it is, needs, costs, and its parameters."""
    from mdshift.declare import every
    from mdshift.manual import describe

    entries = [describe("strategy", n, s) for n, s in every("strategy").items()]
    lines = [
        "# Strategies",
        "",
        NOTICE,
        "Each is compared with `source-only` before it is kept. `mdshift explain NAME` prints the same page.",
        "",
        worth(),
        "",
        "## All of them",
        "",
    ]
    facts = ("family", "cost", "target labels", "sources", "tasks", "data")
    lines += table(
        ("strategy", *facts), ((f"[`{e['name']}`](#{e['name']})", *(e["facts"][f].split(":")[0] for f in facts)) for e in entries)
    )
    for e in entries:
        lines += [f"## {e['name']}", "", e["summary"], ""]
        lines += paragraphs(e)
        lines += table(("", ""), e["facts"].items())
        if e["parameters"]:
            rows = ((f"`{p['name']}`", f"`{p['default']}`", p["range"], p["help"]) for p in e["parameters"])
            lines += table(("parameter", "default", "range", "what"), rows)
        lines += [f"    {e['commands'][0]}", ""]
    return "\n".join(lines)


def rules() -> str:
    """Every rule with its source and examples, and the thresholds."""
    from mdshift.declare import every
    from mdshift.manual import describe
    from mdshift.rules.thresholds import THRESHOLDS

    lines = ["# Decision rules", "", NOTICE]
    lines += [
        (
            "`mdshift recommend` asks every rule. A rule reads named facts and gives points to strategies: 3 decide, 2 are strong, 1 is mild, "
            "half a point breaks ties. A fact that is missing silences the rules that need it, and the recommendation's `trace` says so."
        ),
        "",
    ]
    for name, rule in every("rule").items():
        e = describe("rule", name, rule)
        lines += [f"## {name}", "", f"**{e['summary']}**", "", *paragraphs(e)]
        lines += [f"Source: {e['facts']['source']}. Reads: {e['facts']['reads']}.", ""]
        for heading, examples in e["examples"].items():
            lines += [f"{heading}:", "", *(f"- {x}" for x in examples), ""]
    lines += ["## Thresholds", "", "They can be overridden in `[thresholds]` of `mdshift.toml`.", ""]
    lines += table(("name", "value", "why"), ((f"`{n}`", f"{t.value:g}", t.reason) for n, t in THRESHOLDS.items()))
    return "\n".join(lines)


def probes() -> str:
    """Every probe: its question, what it assumes, and its cost."""
    told = (
        "A probe answers one statistical question about source and target; `mdshift diagnose` asks all of them. How often each speaks where "
        "nothing changed, and how much it finds, stands in [trust.md](trust.md) and [benchmarks/diagnosis](../benchmarks/diagnosis/README.md)."
    )
    return _pages("Probes", told, "probe")


def validators() -> str:
    """Every validator: what it assumes, whether it has a vote, and its cost."""
    told = (
        "A validator compares an adapted model with the source model where the target has no labels. `adapt` asks all of them; those with a vote "
        "must agree with the true labels of the source, weighted to the target, before anything is kept on their word, `precedent` is asked by "
        "itself, and `collapse` may speak against. What each was worth on real pairs stands in "
        "[benchmarks/choosing/validators.txt](../benchmarks/choosing/validators.txt); [trust.md](trust.md) says how far the verdict can be trusted."
    )
    return _pages("Validators", told, "validator")


def _pages(title: str, told: str, kind: Kind) -> str:
    from mdshift.declare import every
    from mdshift.manual import describe

    lines = [f"# {title}", "", NOTICE, told, ""]
    for name, thing in every(kind).items():
        e = describe(kind, name, thing)
        facts = (f"{fact.capitalize()}: {value.rstrip('.')}." for fact, value in e["facts"].items() if value)
        lines += [f"## {name}", "", e["summary"], "", *paragraphs(e), " ".join(facts), ""]
    return "\n".join(lines)


def cli() -> str:
    """Every command with its options, and where an option may be set."""
    from mdshift.cli.main import COMMANDS
    from mdshift.cli.options import REGISTERED
    from mdshift.config import OPTIONS

    lines = ["# Command line", "", NOTICE]
    lines += [
        (
            "A value is taken from the flag, else from the plan (`--plan`, or a document on standard input), else from the variable "
            "`MDSHIFT_NAME`, else from `mdshift.toml` in the working folder, else it is the default. Options may stand anywhere on the line."
        ),
        "",
        "Exit codes: 0 done, 1 a tripped `--fail-on`, 2 usage, configuration or bad data, 3 the environment, 70 a bug, 130 interrupted.",
        "",
    ]
    for name in COMMANDS:
        command = REGISTERED[name]
        lines += [f"## mdshift {name}", "", f"    mdshift {name} {FORMS[name]}".rstrip(), "", command.text, ""]
        if command.arguments:
            lines += table(("argument", "what"), ((f"`{a.upper()}`", help_text) for a, help_text in command.arguments))
        rows = []
        for o in (OPTIONS[n] for n in command.options):
            flags = ", ".join(f"`{f}`" for f in (o.flags or (o.flag,)))
            value = "" if o.kind is bool else " \\| ".join(o.choices) or (o.metavar or o.name.upper())
            default = "" if o.default is None or o.default is False or o.default == () else f"`{o.default}`"
            place = f"`[{o.section}] {o.name}`" if o.section in ("data", "settings") else ""
            rows.append((flags, value.replace("\\|", "|"), default, o.help, f"`{o.variable}`" if o.variable else "", place))
        lines += table(("option", "value", "default", "what", "variable", "mdshift.toml"), rows)
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "strategies.md": strategies,
    "rules.md": rules,
    "probes.md": probes,
    "validators.md": validators,
    "cli.md": cli,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make().rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
