"""The CloudFormation templates as values, with their short forms written out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms written out."""


def written_out(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


TemplateLoader.add_multi_constructor("!", written_out)


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "infra" / name).read_text("utf-8"), TemplateLoader)  # noqa: S506 - safe, extended
    return loaded


NO_VALUE = {"Ref": "AWS::NoValue"}


def choose(value: Any, **conditions: bool) -> Any:  # noqa: ANN401 - any part of a template
    """A template, or a part of one, as it is while these conditions hold or do not."""
    if isinstance(value, list):
        chosen = [choose(each, **conditions) for each in value]
        return [each for each in chosen if each != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value and value["Fn::If"][0] in conditions:
        name, if_so, if_not = value["Fn::If"]
        return choose(if_so if conditions[name] else if_not, **conditions)
    if "Fn::If" in value:  # its arguments have places
        return {"Fn::If": [choose(each, **conditions) for each in value["Fn::If"]]}
    chosen_items = {name: choose(each, **conditions) for name, each in value.items()}
    return {name: each for name, each in chosen_items.items() if each != NO_VALUE}


def fill_in(substitution: dict[str, Any]) -> str:
    """The text of an Fn::Sub, with the variables that it brings along."""
    given = substitution["Fn::Sub"]
    text, variables = given if isinstance(given, list) else (given, {})
    for name, value in variables.items():
        text = text.replace(f"${{{name}}}", value if isinstance(value, str) else fill_in(value))
    return str(text)


def dicts_in(value: object) -> Iterator[dict[str, Any]]:
    """Every JSON object at any depth, so that none hides behind an Fn::If."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from dicts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from dicts_in(inner)


def all_statements(value: object) -> list[dict[str, Any]]:
    """Every statement of every policy."""
    return [found for found in dicts_in(value) if {"Effect", "Action"} <= found.keys()]


def statements(value: object) -> dict[str, dict[str, Any]]:
    """The same by name; none may hide behind another of its name."""
    found = all_statements(value)
    named = {each.get("Sid", each["Action"]): each for each in found}
    assert len(named) == len(found), "two statements have the same name"
    return named


def properties_of(template: dict[str, Any], resource: str) -> dict[str, Any]:
    """The properties of a resource."""
    found: dict[str, Any] = template["Resources"][resource]["Properties"]
    return found


def as_list(value: object) -> list[Any]:
    """What IAM takes alone or in a list."""
    return value if isinstance(value, list) else [value]
