"""As much of JSON Schema as the OpenAPI document uses; an unknown keyword is an error, so nothing goes unchecked."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_WORDS = {"title", "description", "examples", "default"}


def find_errors(value: Any, schema: dict[str, Any], components: dict[str, Any], at: str = "$") -> list[str]:
    """Where a value does not conform; empty when it does."""
    errors: list[str] = []
    for keyword, rule in schema.items():
        if keyword in _WORDS or keyword in ("properties", "required", "additionalProperties", "items"):
            continue
        if keyword == "$ref":
            errors += find_errors(value, components[rule.rpartition("/")[2]], components, at)
        elif keyword == "type":
            wrong = not isinstance(value, _TYPES[rule]) or (isinstance(value, bool) and rule != "boolean")
            errors += [f"{at} is no {rule}"] * wrong
        elif keyword == "anyOf":
            errors += [f"{at} fits none"] * all(find_errors(value, option, components, at) for option in rule)
        elif keyword == "enum":
            errors += [f"{at} is not among {rule}"] * (value not in rule)
        elif keyword in ("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength"):
            errors += [f"{at} breaks {keyword}"] * _breaks(value, keyword, rule)
        else:
            raise AssertionError(f"{keyword} is not checked")
    if isinstance(value, dict):
        errors += _find_errors_of_fields(value, schema, components, at)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            errors += find_errors(item, schema["items"], components, f"{at}[{index}]")
    return errors


def _find_errors_of_fields(
    value: dict[str, Any], schema: dict[str, Any], components: dict[str, Any], at: str
) -> list[str]:
    properties = schema.get("properties", {})
    errors = [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
    for name, field in value.items():
        rule = properties.get(name, schema.get("additionalProperties", {}))
        errors += find_errors(field, rule, components, f"{at}.{name}")
    return errors


def _breaks(value: Any, keyword: str, bound: float) -> bool:
    if keyword.endswith(("Items", "Length")):
        if not isinstance(value, (list, str)):
            return False
        size: float = len(value)
    elif isinstance(value, (int, float)):
        size = value
    else:
        return False
    return size < bound if keyword.startswith("min") else size > bound
