"""``whet completion``: what a shell needs to complete whet's commands and options. It is made from their declarations.

The script is complete in itself: completing starts no Python.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Annotated

from whet.cli.command import Command
from whet.cli.console import print_line
from whet.cli.declare import Argument, Option, Parameter
from whet.cli.main import COMMANDS, HELP_NAMES, load_command
from whet.cli.shared import COLOR, COLORS, QUIET
from whet.errors import UsageError

_SHELLS = ("bash", "zsh", "fish")


def completion_command(shell: Annotated[str, Argument("SHELL", "bash, zsh or fish.", choices=_SHELLS)]) -> None:
    """Print the completion script of a shell.

    For `eval` in a start-up file of bash or zsh, and for `source` in one of fish.

    Examples:
        whet completion bash
        whet completion fish
    """
    writers = dict(zip(_SHELLS, (write_bash, write_zsh, write_fish), strict=True))
    if shell not in writers:
        raise UsageError(f"unknown shell {shell[:40]!r}", f"one of {', '.join(writers)}")
    for line in writers[shell]([load_command(name) for name in COMMANDS]):
        print_line(line)


def list_words(command: Command) -> list[str]:
    """Return all options of a command, those of all commands included."""
    return [*(name for each in command.options for name in _names(each)), *QUIET[1:], COLOR, HELP_NAMES[-1]]


def list_choices(command: Command) -> dict[str, list[str]]:
    """Return the values that are known of options, by the options' names."""
    found = {COLOR: list(COLORS)}
    for each in command.options:
        assert isinstance(each.declared, Option)
        if each.declared.choices:
            found.update({name: list(each.declared.choices) for name in each.declared.names})
    return found


def list_arguments(command: Command) -> list[str]:
    """Return the values that are known of a command's arguments."""
    return [choice for each in command.arguments for choice in each.declared.choices]


def write_bash(commands: list[Command]) -> Iterator[str]:
    """Yield a script for bash."""
    yield "_whet() {"
    yield '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words="" command="" at'
    yield "    COMPREPLY=()"
    yield "    for ((at = 1; at < COMP_CWORD; at++)); do"
    yield '        case "${COMP_WORDS[at]}" in'
    yield f"            {'|'.join(COMMANDS)}) command=${{COMP_WORDS[at]}}; break;;"
    yield "        esac"
    yield "    done"
    yield f'    if [ -z "$command" ] && [ "$previous" = {COLOR} ]; then'
    yield f'        COMPREPLY=($(compgen -W "{" ".join(COLORS)}" -- "$current"))'
    yield "        return"
    yield "    fi"
    yield '    if [ -z "$command" ]; then'
    yield f'        COMPREPLY=($(compgen -W "{" ".join(COMMANDS)} --help --version --quiet --color" -- "$current"))'
    yield "        return"
    yield "    fi"
    yield '    case "$command $previous" in'
    for command in commands:
        for option, choices in list_choices(command).items():
            yield f'        "{command.name} {option}") words="{" ".join(choices)}";;'
        if arguments := list_arguments(command):
            yield f'        "{command.name} "*) [ "${{current#-}}" = "$current" ] && words="{" ".join(arguments)}";;'
    yield "    esac"
    yield '    if [ -z "$words" ] && [ "${current#-}" != "$current" ]; then'
    yield '        case "$command" in'
    for command in commands:
        yield f'            {command.name}) words="{" ".join(list_words(command))}";;'
    yield "        esac"
    yield "    fi"
    yield '    [ -n "$words" ] && COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield "}"
    yield "complete -o bashdefault -o default -F _whet whet"


def write_zsh(commands: list[Command]) -> Iterator[str]:
    """Yield a script for zsh, to be saved as ``_whet`` in a folder of ``fpath``."""
    yield "#compdef whet"
    yield "_whet() {"
    yield "    local -a commands"
    yield f"    commands=({' '.join(shlex.quote(f'{name}:{help_}') for name, help_ in COMMANDS.items())})"
    yield "    if (( CURRENT == 2 )); then _describe command commands; return; fi"
    yield "    case $words[2] in"
    for command in commands:
        choices = list_choices(command)
        specs = [_zsh_option(each, choices) for each in command.options]
        flat = [spec for group in specs for spec in group]
        flat += ["--quiet[Only results and errors.]", f"--color[Use colours.]:when:({' '.join(COLORS)})"]
        arguments = list_arguments(command)
        flat.append(f"1:value:({' '.join(arguments)})" if arguments else "*:file:_files")
        yield f"        {command.name}) _arguments -S {' '.join(map(shlex.quote, flat))};;"
    yield "    esac"
    yield "}"
    yield 'if [ "$funcstack[1]" = _whet ]; then _whet "$@"; else compdef _whet whet; fi'


def write_fish(commands: list[Command]) -> Iterator[str]:
    """Yield a script for fish."""
    for name, help_ in COMMANDS.items():
        yield f"complete -c whet -n __fish_use_subcommand -a {name} -d {shlex.quote(help_)}"
    yield "complete -c whet -l quiet -d 'Only results and errors.'"
    yield f"complete -c whet -l color -x -a '{' '.join(COLORS)}' -d 'Use colours.'"
    for command in commands:
        choices = list_choices(command)
        if arguments := list_arguments(command):
            when = f"-n '__fish_seen_subcommand_from {command.name}'"
            yield f"complete -c whet {when} -x -a '{' '.join(arguments)}'"
        for each in command.options:
            assert isinstance(each.declared, Option)
            for name in _names(each):
                form = f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                value = " -r" if each.takes_value else ""
                value = f" -x -a '{' '.join(choices[name])}'" if name in choices else value
                when = f"-n '__fish_seen_subcommand_from {command.name}'"
                yield f"complete -c whet {when} {form}{value} -d {shlex.quote(each.declared.help)}"


def _names(parameter: Parameter) -> tuple[str, ...]:
    declared = parameter.declared
    assert isinstance(declared, Option)
    return (*declared.names, *([declared.opposite] if declared.opposite else []))


def _zsh_option(parameter: Parameter, choices: dict[str, list[str]]) -> list[str]:
    declared = parameter.declared
    assert isinstance(declared, Option)
    help_ = declared.help.replace("[", "(").replace("]", ")").replace(":", "\\:")
    made = []
    for name in _names(parameter):
        value = ""
        if parameter.takes_value:
            values = f"({' '.join(choices[name])})" if name in choices else "_files"
            value = f":{declared.metavar.lower().replace(':', ' ') or 'value'}:{values}"
        made.append(f"{'*' if parameter.many else ''}{name}[{help_}]{value}")
    return made
