"""The page about the commands, from the parser that reads them."""

from __future__ import annotations

import argparse

from reference_text import table

from seghirescam.cli import parser

_LEFT_OUT = ("-h",)
#: options that every command has stand once
_EVERYWHERE = ("output", "computing")


def page() -> str:
    whole = parser.build()
    (commands,) = (a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    lines = ["# Commands", "", f"{whole.description} {whole.epilog}", ""]
    lines += ["Images, segments, results and exit codes are described under [inputs](inputs.md).", ""]
    rows = [[f"[`{name}`](#{name})", _module(name).HELP] for name in commands.choices]
    lines += table(["command", "what it does"], rows)
    shared = {}
    for name, command in commands.choices.items():
        module = _module(name)
        lines += [f"## {name}", "", module.HELP, ""]
        if module.MORE:
            lines += [module.MORE, ""]
        lines += ["```bash", module.EXAMPLE, "```", ""]
        for group in command._action_groups:
            actions = [a for a in group._group_actions if not set(a.option_strings) & set(_LEFT_OUT)]
            if group.title in _EVERYWHERE:
                shared.setdefault(group.title, {}).update({a.dest: a for a in actions})
            elif actions:
                lines += table([_head(group), "meaning"], [[_spelled(a), _meaning(a)] for a in actions])
    lines += ["## Options of every command", ""]
    for title in sorted(shared):
        lines += table([title, "meaning"], [[_spelled(a), _meaning(a)] for a in shared[title].values()])
    lines += table(["of seghirescam itself", "meaning"], [
        ["`--version`", "print the version"],
        [f"`--print-completion` {', '.join(parser.SHELLS)}", "print a script that completes words in your shell"],
    ])  # fmt: skip
    return "\n".join(lines)


def _module(name: str):
    return next(one for one in parser.COMMANDS if one.__name__.rpartition(".")[2] == name)


def _head(group) -> str:
    return {"positional arguments": "argument", "options": "option"}.get(group.title, group.title)


def _spelled(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.nargs != 0 and action.choices is None else None)
    if action.choices is not None:
        value = ", ".join(map(str, action.choices))
    value = " ".join(value) if isinstance(value, tuple) else value
    if not action.option_strings:
        return f"`{value}`"
    return f"`{action.option_strings[0]}`" + (f" {value}" if value and action.nargs != 0 else "")


def _meaning(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%") + (" (required)" if action.option_strings and action.required else "")
