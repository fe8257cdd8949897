"""Checks every contract against the official ODCS JSON schema and with `datacontract lint`, has the official tool read
and write it, and sees that its version is the one that is recorded beside it.

Usage: validate_contracts.py [folder], by default shared/contracts of this checkout. Exits 1 when a contract breaks
the standard, or when there is none to check. What the project adds to the standard (the custom properties) is checked
where it is compiled, not here; so is what a record says, for a version cannot have other content than its record.
"""

import json
import logging
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import yaml
from datacontract.data_contract import DataContract
from jsonschema import Draft201909Validator, FormatChecker

STANDARD = "3.1.0"
CONTRACTS = Path(__file__).resolve().parents[2] / "shared" / "contracts"


class TextOnlyDates(yaml.SafeLoader):
    """JSON has no dates: one that is not quoted must stay text, or the JSON schema refuses it."""


TextOnlyDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def official_schema() -> Draft201909Validator:
    bundled = resources.files("datacontract") / "schemas" / f"odcs-{STANDARD}.schema.json"
    schema = json.loads(bundled.read_text(encoding="utf-8"))
    Draft201909Validator.check_schema(schema)
    return Draft201909Validator(schema, format_checker=FormatChecker())


def parsed(text: str) -> object:
    return yaml.load(text, Loader=TextOnlyDates)


def schema_errors(validator: Draft201909Validator, contract: Path) -> Iterator[str]:
    try:
        document = parsed(contract.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        yield f"is not yaml: {' '.join(str(error).split())}"
        return
    # The schema also lets older versions through; the compiler reads this one only.
    if not isinstance(document, dict) or document.get("apiVersion") != f"v{STANDARD}":
        yield f"apiVersion is not v{STANDARD}"
        return
    for error in sorted(validator.iter_errors(document), key=lambda found: found.json_path):
        yield f"{error.json_path}: {error.message}"


def lint_errors(contract: Path) -> Iterator[str]:
    # References are not fetched: the check must give the same answer without a network.
    result = DataContract(data_contract_file=str(contract), inline_references=False).lint()
    for check in result.checks:
        if check.result != "passed":
            yield f"datacontract lint: {check.name}: {' '.join(str(check.reason).split())}"


def round_trip_errors(contract: Path) -> Iterator[str]:
    # The official tool knows every part of the contract if none is missing from what it writes.
    try:
        exported = DataContract(data_contract_file=str(contract), inline_references=False).export("odcs")
    except Exception as error:  # Whatever it is, the contract is not for everybody's tools.
        yield f"datacontract export: {' '.join(str(error).split())}"
        return
    if parsed(str(exported)) != parsed(contract.read_text(encoding="utf-8")):
        yield "datacontract export: what it writes is not the document that it read"


def record_errors(contract: Path) -> Iterator[str]:
    record = contract.with_name(contract.name.replace(".odcs.yaml", ".recorded.json"))
    recorded = json.loads(record.read_text(encoding="utf-8"))["version"] if record.exists() else "no version"
    document = parsed(contract.read_text(encoding="utf-8"))
    version = document.get("version") if isinstance(document, dict) else None
    if version != recorded:
        yield f"is version {version}, but {recorded} is recorded; run `make record-contracts`"


def main(folder: Path) -> int:
    logging.disable(logging.CRITICAL)
    contracts = sorted(path for path in folder.rglob("*.y*ml") if path.is_file())
    if not contracts:
        print(f"no contract found under {folder}", file=sys.stderr)
        return 1
    validator = official_schema()
    broken = 0
    for contract in contracts:
        # The compiler looks for this ending; under another name a contract would be passed by without a word.
        misnamed = [] if contract.name.endswith(".odcs.yaml") else ["is not named <dataset>.odcs.yaml"]
        errors = [*misnamed, *schema_errors(validator, contract), *lint_errors(contract)]
        # What is not sound was told.
        errors = errors or [*round_trip_errors(contract), *record_errors(contract)]
        broken += bool(errors)
        for error in errors:
            print(f"{contract.relative_to(folder)}: {error}", file=sys.stderr)
    print(f"{len(contracts)} contracts checked against ODCS v{STANDARD}, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else CONTRACTS))
