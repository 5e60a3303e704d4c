"""The public face of the reader, written down: what changes it has to change this text too."""

import inspect
from importlib import import_module
from pathlib import Path

SNAPSHOT = Path(__file__).with_name("reader_api.txt")
MODULES = (
    "rotator.reader",
    "rotator.reader.clocked",
    "rotator.reader.source",
    "rotator.testing",
    "rotator.testing.plugin",
)


def described(name: str, thing: object) -> list[str]:
    if not inspect.isclass(thing):
        function = inspect.unwrap(thing) if callable(thing) else thing
        signature = inspect.signature(function) if inspect.isfunction(function) else ""
        return [f"{name}{signature}"]
    parents = ", ".join(each.__name__ for each in thing.__bases__ if each is not object)
    signature = inspect.signature(thing) if "__init__" in vars(thing) else ""
    is_protocol = getattr(thing, "_is_protocol", False)  # whose own depends on the Python
    lines = [f"class {name}({parents}){'' if is_protocol else signature}"]
    for member in sorted(dir(thing)):
        value = inspect.getattr_static(thing, member)
        inherited = not any(member in vars(each) for each in thing.__mro__[:1])
        if member.startswith("_") or inherited:
            continue
        if inspect.isfunction(value):
            kind = "async " if inspect.iscoroutinefunction(value) else ""
            lines.append(f"    {kind}{member}{inspect.signature(value)}")
        else:
            lines.append(f"    {member}")
    return lines


def test_public_api_is_the_one_written_down() -> None:
    lines = []
    for module_name in MODULES:
        module = import_module(module_name)
        lines.append(f"# {module_name}")
        for name in sorted(module.__all__):
            lines.extend(described(name, getattr(module, name)))
    assert "\n".join(lines) + "\n" == SNAPSHOT.read_text("utf-8")
