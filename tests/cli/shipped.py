"""The JSON Schemas that are shipped, and the check of a document against them."""

import json
from pathlib import Path

import jsonschema

import mdshift

SCHEMAS = Path(mdshift.__file__).parent / "schemas"


def valid(document):
    """The document, checked against the schema that is shipped for it."""
    name = document["schema"].removeprefix("mdshift.").split("/")[0]
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(document)
    return document
