"""What the shell offers while a command is typed: options, strategies, parameters, columns of the given files.

    eval "$(_MDSHIFT_COMPLETE=bash_source mdshift)"          # in ~/.bashrc
    eval "$(_MDSHIFT_COMPLETE=zsh_source mdshift)"           # in ~/.zshrc, behind compinit
    _MDSHIFT_COMPLETE=fish_source mdshift | source           # in config.fish

The scripts call mdshift back with what stands on the line. On any trouble nothing is offered, and nothing is said. Only what has to be
asked is loaded; of a file, its header.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mdshift.cli.options import REGISTERED
from mdshift.config import OPTIONS, Option

VARIABLE = "_MDSHIFT_COMPLETE"  # SHELL_source: print the script; SHELL_complete: answer it
LINE, WORDS = "_MDSHIFT_LINE", "_MDSHIFT_WORDS"  # the line up to the cursor (bash); its words, one a line (zsh, fish)
COLUMNS = ("label", "text", "time", "drop", "domain_column")
WITH_MODEL = ("predict", "evaluate")  # their first argument is a model, not data
EVERYWHERE = ("--help",)
PLAIN = re.compile(r"[\w@%+=:,./-]", re.ASCII)
NEW_COMMAND = "|;&\n("

BASH = r"""_mdshift_completion() {
    local IFS=$'\n'
    COMPREPLY=($(_MDSHIFT_COMPLETE=bash_complete _MDSHIFT_LINE="${COMP_LINE:0:COMP_POINT}" "$1" 2>/dev/null </dev/null))
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _mdshift_completion mdshift
"""

ZSH = r"""#compdef mdshift
_mdshift() {
    local line
    local -a found shown
    for line in "${(@f)$(_MDSHIFT_COMPLETE=zsh_complete _MDSHIFT_WORDS="${(pj:\n:)${(@Q)words[1,CURRENT]}}" mdshift 2>/dev/null </dev/null)}"; do
        [[ -n $line ]] || continue
        found+=("${line%%$'\t'*}")
        shown+=("${line//$'\t'/  }")
    done
    if (( ! ${#found} )); then _files
    elif [[ ${#found} == 1 && $found[1] == *= ]]; then compadd -S '' -a found
    else compadd -l -d shown -a found
    fi
}
compdef _mdshift mdshift
"""

FISH = r"""function __mdshift_complete
    set -lx _MDSHIFT_COMPLETE fish_complete
    set -lx _MDSHIFT_WORDS (string join \n -- (commandline -opc) (commandline -ct) | string collect)
    mdshift 2>/dev/null </dev/null
end
complete -c mdshift -a '(__mdshift_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

Offer = tuple[str, str]  # what completes the word, and what it means


def answer(environment: Mapping[str, str]) -> str:
    """The script of a shell, or what completes the line that it sent; nothing on any trouble."""
    try:
        shell, _, what = environment[VARIABLE].partition("_")
        if what == "source":
            return SCRIPTS[shell]
        if what != "complete":
            return ""
        if shell == "bash":
            words, last, quoted = split(environment.get(LINE, ""))
            offers = candidates(words, last)
            begun = max(last.rfind("="), last.rfind(":")) + 1  # bash breaks words there, and completes what comes behind
            return "".join(f"{value if quoted else escaped(value)}\n" for value in (v[begun:] for v, _ in offers))
        given = environment.get(WORDS, "").split("\n")
        return "".join(f"{value}\t{told}\n" if told else f"{value}\n" for value, told in candidates(given[1:-1], given[-1]))
    except Exception:  # noqa: BLE001 - a shell that is completing has no place for an error
        return ""


def speak() -> None:
    """Answer the shell on standard output, and end."""
    import warnings

    warnings.simplefilter("ignore")
    text = answer(os.environ)
    try:
        if sys.stdout is not None:
            sys.stdout.reconfigure(errors="ignore")  # type: ignore[union-attr]
            sys.stdout.write(text)
            sys.stdout.flush()
    except (OSError, ValueError, AttributeError):  # nobody listens
        pass


def split(line: str) -> tuple[list[str], str, bool]:
    """The words of the last command on a line behind its name, the word that is being typed, and whether it stands in quotes.

    A pipe, a semicolon and the like begin a new command; what is quoted or escaped is one word.
    """
    words: list[str] = []
    word, quote, escape, begun = "", "", False, False
    for c in line:
        if escape:
            word, escape = word + c, False
        elif c == "\\" and quote != "'":
            escape = begun = True
        elif quote:
            word, quote = (word, "") if c == quote else (word + c, quote)
        elif c in "'\"":
            quote, begun = c, True
        elif c in NEW_COMMAND:
            words, word, begun = [], "", False
        elif c.isspace():
            words, word, begun = ([*words, word] if begun else words), "", False
        else:
            word, begun = word + c, True
    named = next((i for i, w in enumerate(words) if Path(w).name == "mdshift"), 0)  # behind assignments, sudo and the like
    return words[named + 1 :], word, bool(quote)


def escaped(value: str) -> str:
    """A value as one word of bash."""
    return "".join(c if PLAIN.match(c) or ord(c) > 127 else f"\\{c}" for c in value)  # noqa: PLR2004 - ASCII


@dataclass(frozen=True)
class Typed:
    """What stands on the line: the command, its arguments, its options so far, and the option whose value comes next."""

    command: str | None
    arguments: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    waiting: Option | None
    over: bool  # behind `--`


def read(words: Iterable[str]) -> Typed:
    """Take the words apart as the command line does: options may stand anywhere."""
    given = list(words)
    command = next((w for w in _bare(given) if w in REGISTERED), None)
    flags = _flags(command)
    arguments: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    waiting, over, named = None, False, False
    for word in given:
        if waiting is not None:
            options[waiting.name] = (*options.get(waiting.name, ()), word)
            waiting = None
            continue
        name, equals, value = word.partition("=")
        if over or word == "-" or not word.startswith("-"):
            if word == command and not named:
                named = True
            else:
                arguments.append(word)
        elif word == "--":
            over = True
        elif name in flags:
            option = flags[name]
            if equals or option.kind is bool:
                options[option.name] = (*options.get(option.name, ()), value)
            else:
                waiting = option
    return Typed(command, tuple(arguments), options, waiting, over)


def _bare(words: list[str]) -> Iterable[str]:
    """The words that are neither options nor values of options."""
    flags, skip = _flags(None), False
    for word in words:
        if skip:
            skip = False
        elif not word.startswith("-"):
            yield word
        else:
            skip = word in flags and flags[word].kind is not bool


def _flags(command: str | None) -> dict[str, Option]:
    """The options of a command (of all, before there is one), by each of their flags."""
    names = OPTIONS if command is None else REGISTERED[command].options
    return {f: OPTIONS[n] for n in names for f in (OPTIONS[n].flags or (OPTIONS[n].flag,))}


def candidates(words: Iterable[str], last: str) -> list[Offer]:
    """What may stand in the place of the word that is being typed, each with what it means."""
    typed = read(words)
    if typed.waiting is not None:
        found = values(typed, typed.waiting, last)
    elif last.startswith("-") and "=" in last and not typed.over:
        flag = last.partition("=")[0]
        option = _flags(typed.command).get(flag)
        found = [] if option is None else [(f"{flag}={v}", told) for v, told in values(typed, option, last.partition("=")[2])]
    elif last.startswith("-") and not typed.over:
        options = {o.flag: o for o in _flags(typed.command).values() if o.many or o.name not in typed.options}
        found = [*((flag, o.help) for flag, o in options.items()), *((flag, "") for flag in EVERYWHERE)]
    elif typed.command is None:
        found = [(name, c.text.partition("\n")[0]) for name, c in REGISTERED.items()]
    else:
        found = arguments(typed, last)
    fit = {value: told for value, told in found if value.startswith(last) and value.isprintable()}
    return [(value, " ".join(told.split())[:60]) for value, told in fit.items()]


def arguments(typed: Typed, last: str) -> list[Offer]:
    """Names for `explain` and their kinds, runs for `runs`; files are the shell's own matter."""
    if typed.command == "explain" and not typed.arguments:
        from mdshift import manual

        kind, slash, _ = last.partition("/")
        named = [
            (entry["name"], entry["summary"]) for entries in manual.index(kind if slash else None)["index"].values() for entry in entries
        ]
        return (
            [(f"{kind}/{name}", told) for name, told in named]
            if slash
            else [*named, *((k, "all of them") for k in manual.PLURALS.values())]
        )
    if typed.command == "runs":
        from mdshift import record

        return [(str(r["id"]), r["status"]) for r in record.list_runs() if str(r["id"]) not in typed.arguments]
    return []


def values(typed: Typed, option: Option, last: str) -> list[Offer]:
    """What an option can be."""
    if option.choices:
        return [(choice, "") for choice in option.choices]
    if option.name in COLUMNS:
        taken = {c for n in ("label", "time", "text", "drop") for c in typed.options.get(n, ())}
        return [(name, "") for name in columns(typed) if name not in taken]
    if option.name == "strategy":
        from mdshift import manual
        from mdshift.declare import every

        return [("auto", "what the evidence speaks for"), *((n, manual.summary(s)) for n, s in every("strategy").items())]
    if option.name == "where":
        return conditions(last)
    return settings(typed, last) if option.name == "set" else []


def conditions(last: str) -> list[Offer]:
    """The keys of the runs by their last word, and in full behind a dot."""
    from mdshift import record

    known = dict.fromkeys(k for run in record.list_runs() for k in record.keys(run))
    return [(f"{k}=", "") for k in (known if "." in last else (k.rpartition(".")[2] for k in known))]


def settings(typed: Typed, last: str) -> list[Offer]:
    """The parameters of the chosen strategy and those of all, or the values of the one that is being set."""
    from mdshift.declare import every, parameters
    from mdshift.learners.construct import CHOICES, NAMES

    chosen = every("strategy").get(typed.options.get("strategy", ("auto",))[-1])
    own = {} if chosen is None else {p.name: p for p in parameters(chosen)}
    name, equals, _ = last.partition("=")
    if not equals:
        shared = [(f"{n}=", "how training data are built") for n in NAMES]
        return [*((f"{n}=", p.help) for n, p in own.items()), *shared, ("backbone=", "folder of a pretrained network")]
    if name == "group":
        return [(f"group={c}", "") for c in columns(typed)]
    if name in CHOICES:
        return [(f"{name}={c}", "") for c in CHOICES[name]]
    parameter = own.get(name.replace("-", "_"))
    if parameter is None:
        return []
    known = ("true", "false") if isinstance(parameter.default, bool) else parameter.choices or (parameter.default,)
    return [(f"{name}={v}", "") for v in known]


def columns(typed: Typed) -> list[str]:
    """The columns of the files that the line names, else of those that the working folder does."""
    from mdshift.readers.header import columns_of

    paths = typed.arguments[1:] if typed.command in WITH_MODEL else typed.arguments
    found: dict[str, None] = {}
    for path in paths or _at_hand():
        try:
            found |= dict.fromkeys(columns_of(str(Path(path).expanduser())))
        except Exception:  # noqa: BLE001, S112 - what is wrong with a file is said when it is read
            continue
    return list(found)


def _at_hand() -> list[str]:
    """The data that `mdshift.toml` names, else the folders `src` and `tgt`."""
    import tomllib

    try:
        data = tomllib.loads(Path("mdshift.toml").read_text("utf-8")).get("data", {})
        named = data.get("source", [])
        return [*([named] if isinstance(named, str) else named), *([data["target"]] if "target" in data else [])]
    except (OSError, ValueError, AttributeError, TypeError):
        return ["src", "tgt"]
