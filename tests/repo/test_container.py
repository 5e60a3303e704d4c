"""The rules of the image, read from its Containerfile; `make image` builds and runs it."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = [
    line
    for line in (ROOT / "infra" / "container" / "Containerfile").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def arguments(instruction: str) -> list[str]:
    return [
        line.removeprefix(instruction).strip() for line in LINES if line.startswith(instruction)
    ]


def test_base_is_named_by_whoever_builds() -> None:
    # Containerfile(5): an ARG without "=" has no default, and FROM of an empty name is an error.
    assert arguments("ARG ") == ["BASE"]
    assert {image.split()[0] for image in arguments("FROM ")} == {"${BASE}"}


def test_what_comes_from_a_registry_is_a_wheel_that_is_pinned_by_hash() -> None:
    commands: list[list[str]] = [json.loads(words) for words in arguments("RUN ")]
    installations = [command for command in commands if "install" in command]

    assert installations
    for command in installations:
        fetches = "--require-hashes" in command and command[command.index("--only-binary") + 1]
        builds = {"--no-index", "--no-deps", "--no-build-isolation", "."} <= set(command)
        assert fetches == ":all:" or builds, command


def test_image_runs_as_a_number_without_a_shell() -> None:
    last_stage = LINES[max(i for i, line in enumerate(LINES) if line.startswith("FROM ")) :]

    # Kubernetes compares runAsNonRoot with a number; of a name it cannot know.
    assert [line for line in last_stage if line.startswith("USER ")] == ["USER 65532:65532"]
    # The form without brackets would need /bin/sh -c.
    assert last_stage[-1] == 'ENTRYPOINT ["rotator"]'
    assert not [line for line in last_stage if line.startswith("RUN ")]


def test_builders_get_what_is_copied_and_nothing_else() -> None:
    files = [(ROOT / name).read_text("utf-8") for name in (".containerignore", ".dockerignore")]
    let_in = {line[1:] for line in files[0].splitlines() if line.startswith("!")}
    copied = [words.split()[:-1] for words in arguments("COPY ") if "--from" not in words]

    assert files[0] == files[1]
    assert files[0].splitlines()[1] == "*"
    assert let_in == {name for names in copied for name in names}
