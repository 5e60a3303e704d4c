"""Tab in each shell, with the completion loaded as docs/install.md says."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "install.md").read_text("utf-8")
SHOW_THE_LINE = "\x0f"  # Ctrl-O
DELETE_THE_LINE = "\x15"  # Ctrl-U
COMPLETED = {
    "rotator cred": "rotator credentials",
    "rotator credentials sh": "rotator credentials show",
    "rotator run --probe-u": "rotator run --probe-url",
    "rotator demo --s": "rotator demo --serve",
    "rotator env --format po": "rotator env --format powershell",
    "rotator init --provider ad": "rotator init --provider adobe-ims",
    "rotator init --provider=ad": "rotator init --provider=adobe-ims",
    "rotator env app/token --pre": "rotator env app/token --prefix",
    "rotator credentials set app/client --scope fi": (
        "rotator credentials set app/client --scope firefly"
    ),
    "rotator run --config fle": "rotator run --config fleet.toml",
    "rotator status --openmetrics tex": "rotator status --openmetrics textfile.prom",
    "rotator exec app/token -- only-he": "rotator exec app/token -- only-here",
    "rotator exec --prefix P -- only-here fle": "rotator exec --prefix P -- only-here fleet.toml",
}
# What each shell's start file has besides the line of the page.
AROUND = {
    "bash": """\
PS1='ready> '
bind 'set enable-bracketed-paste off'
bind -x '"\\C-o": printf "\\n<line>%s<end>\\n" "$READLINE_LINE"'
OUR LINE
""",
    "zsh": """\
PS1='ready> '
OUR LINE
autoload -Uz compinit
compinit -u
show() { zle -I; print -r -- "<line>$BUFFER<end>" }
zle -N show
bindkey '^O' show
""",
    "fish": """\
set -g fish_greeting
function fish_prompt; echo -n 'ready> '; end
bind \\co 'printf "\\n<line>%s<end>\\n" (commandline); commandline -f repaint'
OUR LINE
""",
}
# What fish makes of manual pages by itself: options without the commands that they belong to.
FROM_THE_MANUAL_PAGE = "complete -c rotator -l spread\ncomplete -c rotator -l stdin\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "rotator").mkdir()
    (tmp_path / "rotator" / "share").symlink_to(ROOT / "data" / "share")
    generated = tmp_path / ".local" / "share" / "fish" / "generated_completions" / "rotator.fish"
    generated.parent.mkdir(parents=True)
    generated.write_text(FROM_THE_MANUAL_PAGE)
    for name in ("fleet.toml", "textfile.prom"):
        (tmp_path / name).touch()
    program = tmp_path / "bin" / "only-here"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return tmp_path


@pytest.fixture(params=AROUND)
def shell(request: pytest.FixtureRequest, home: Path) -> Iterator[Terminal]:
    name: str = request.param
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"*** NO COMPLETION WAS TRIED IN {name}: it is missing ***")
    [(file, line)] = re.findall(
        rf"^\| {name} \| `~/([^`]+)`[^|]* \| `([^`]+)` \|$", PAGE, re.MULTILINE
    )
    (home / file).parent.mkdir(parents=True, exist_ok=True)
    (home / file).write_text(AROUND[name].replace("OUR LINE", line))
    commands = Path(sys.executable).parent
    terminal = Terminal(
        "-c",
        'cd "$HOME" && exec "$@"',
        "sh",
        program,
        "-i",
        command=("/bin/sh",),
        env={
            "HOME": str(home),
            "PATH": f"{commands}:{home / 'bin'}:/usr/bin:/bin",
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        },
    )
    terminal.wait_for("ready> ")
    yield terminal
    terminal.process.kill()
    terminal.close()


def test_tab_completes(shell: Terminal) -> None:
    shown = {}
    for typed in COMPLETED:
        shell.type(f"{typed}\t{SHOW_THE_LINE}")
        shell.wait_for("<end>")
        shell.wait_for("ready> ")
        completed = shell.shown.rpartition("<line>")[2].partition("<end>")[0]
        shown[typed] = completed.rstrip(" =")  # zsh adds a `=`, which a space takes away
        shell.type(DELETE_THE_LINE)

    assert shown == COMPLETED
