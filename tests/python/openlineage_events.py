"""Reads OpenLineage events with the classes of the standard's own package, and says what it understood.

    openlineage_events.py < events.ndjson

Each line becomes an `openlineage.client.event_v2.RunEvent`, each facet an object of the class that is generated from its schema. A
member that a class does not know, or lacks, is an error; so is a schema's address that is not the class's own. Prints a line of
JSON an event: run id, type, job, datasets, facets. Ends with 1 and a line on stderr for each thing that is wrong.
"""

import json
import sys
import typing

import attr
from openlineage.client import event_v2
from openlineage.client.generated import base
from openlineage.client.generated.column_lineage_dataset import ColumnLineageDatasetFacet
from openlineage.client.generated.data_quality_assertions_dataset import DataQualityAssertionsDatasetFacet
from openlineage.client.generated.data_quality_metrics_dataset import DataQualityMetricsDatasetFacet
from openlineage.client.generated.data_quality_metrics_input_dataset import DataQualityMetricsInputDatasetFacet
from openlineage.client.generated.dataset_type_dataset import DatasetTypeDatasetFacet
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.datasource_dataset import DatasourceDatasetFacet
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.nominal_time_run import NominalTimeRunFacet
from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet
from openlineage.client.generated.parent_run import ParentRunFacet
from openlineage.client.generated.processing_engine_run import ProcessingEngineRunFacet
from openlineage.client.generated.schema_dataset import SchemaDatasetFacet
from openlineage.client.generated.storage_dataset import StorageDatasetFacet
from openlineage.client.generated.symlinks_dataset import SymlinksDatasetFacet
from openlineage.client.serde import Serde

# Where each facet may stand, by the member's name.
RUN = {
    "nominalTime": NominalTimeRunFacet,
    "parent": ParentRunFacet,
    "processingEngine": ProcessingEngineRunFacet,
    "errorMessage": ErrorMessageRunFacet,
}
JOB = {"jobType": JobTypeJobFacet}
DATASET = {
    "schema": SchemaDatasetFacet,
    "columnLineage": ColumnLineageDatasetFacet,
    "dataQualityMetrics": DataQualityMetricsDatasetFacet,
    "dataSource": DatasourceDatasetFacet,
    "datasetType": DatasetTypeDatasetFacet,
    "storage": StorageDatasetFacet,
    "symlinks": SymlinksDatasetFacet,
    "version": DatasetVersionDatasetFacet,
}
INPUT = {
    "dataQualityMetrics": DataQualityMetricsInputDatasetFacet,
    "dataQualityAssertions": DataQualityAssertionsDatasetFacet,
    "inputStatistics": InputStatisticsInputDatasetFacet,
}
OUTPUT = {"outputStatistics": OutputStatisticsOutputDatasetFacet}


class EventError(Exception):
    """Says in one line what is wrong with an event."""


def main() -> int:
    problems = 0
    for number, line in enumerate(sys.stdin, start=1):
        try:
            print(json.dumps(read(json.loads(line))))
        except (EventError, TypeError, ValueError, KeyError) as error:
            print(f"line {number}: {type(error).__name__}: {error}", file=sys.stderr)
            problems += 1
    return 1 if problems else 0


def read(event: dict) -> dict:
    run_event = event_v2.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=event_v2.RunState(event["eventType"]),
        run=event_v2.Run(runId=event["run"]["runId"], facets=facets(event["run"], "facets", RUN)),
        job=event_v2.Job(event["job"]["namespace"], event["job"]["name"], facets=facets(event["job"], "facets", JOB)),
        inputs=[
            event_v2.InputDataset(
                data["namespace"], data["name"], facets=facets(data, "facets", DATASET), inputFacets=facets(data, "inputFacets", INPUT)
            )
            for data in event["inputs"]
        ],
        outputs=[
            event_v2.OutputDataset(
                data["namespace"], data["name"], facets=facets(data, "facets", DATASET), outputFacets=facets(data, "outputFacets", OUTPUT)
            )
            for data in event["outputs"]
        ],
    )
    expect(event["schemaURL"] == run_event.schemaURL, f"schemaURL is {event['schemaURL']}, the class has {run_event.schemaURL}")
    expect(event["producer"].partition(":")[2] != "", f"producer {event['producer']} is no URI")
    check_columns(run_event)
    # What the package itself would send of it is what came: nothing was lost, nothing was made up.
    sent = pruned(Serde.to_dict(run_event))
    expect(sent == pruned(event), f"the package would send something else: {difference(sent, pruned(event))}")
    return summary(run_event)


def facets(owner: dict, member: str, known: dict[str, type]) -> dict:
    found = {}
    for name, content in owner.get(member, {}).items():
        expect(name in known, f"{member} has {name}, which is no facet of the standard at this place")
        found[name] = facet(known[name], content)
    return found


def facet(kind: type, content: dict) -> base.BaseFacet:
    content = dict(content)
    producer, schema = content.pop("_producer"), content.pop("_schemaURL")
    made = built(kind, content, producer=producer)
    expect(schema == made._schemaURL, f"{kind.__name__}: _schemaURL is {schema}, the class has {made._schemaURL}")
    return made


def built(kind, content, **more):
    """An object of a class from JSON, its members by their own types; a member that the class does not know is refused."""
    types = typing.get_type_hints(kind)
    arguments = {name: value_of(types[name], value) for name, value in content.items() if name in types}
    unknown = [name for name in content if name not in types]
    expect(not unknown, f"{kind.__name__} has no {', '.join(unknown)}")
    return kind(**arguments, **more)


def value_of(kind, value):
    alternatives = [part for part in typing.get_args(kind) if part is not type(None)]
    if typing.get_origin(kind) not in (list, dict) and alternatives:
        kind = alternatives[0]
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return [value_of(parts[0], element) for element in value]
    if origin is dict:
        return {name: value_of(parts[1], element) for name, element in value.items()}
    if attr.has(kind):
        return built(kind, value)
    if kind is float:
        expect(isinstance(value, (int, float)), f"{value!r} is no number")
    elif isinstance(kind, type):
        expect(isinstance(value, kind), f"{value!r} is no {kind.__name__}")
    return value


def check_columns(event: event_v2.RunEvent) -> None:
    """Column lineage must refer to fields that the schemas have, of datasets that the run reads."""
    inputs = {(data.namespace, data.name): data for data in event.inputs}
    for output in event.outputs:
        lineage, schema = output.facets.get("columnLineage"), output.facets.get("schema")
        if lineage is None:
            continue
        columns = {field.name for field in schema.fields}
        expect(set(lineage.fields) <= columns, f"{set(lineage.fields) - columns} are no columns of {output.name}")
        sources = [source for field in lineage.fields.values() for source in field.inputFields] + lineage.dataset
        expect(sources, f"{output.name} is made from nothing")
        for source in sources:
            data = inputs.get((source.namespace, source.name))
            expect(data is not None, f"{source.namespace}/{source.name} is not read by the run")
            expect(source.transformations, f"{source.field} has no transformation")
            if "schema" in data.facets:
                known = {field.name for field in data.facets["schema"].fields}
                expect(source.field in known, f"{source.field} is no field of {source.name}")


def summary(event: event_v2.RunEvent) -> dict:
    error = event.run.facets.get("errorMessage")
    return {
        "run_id": event.run.runId,
        "event_type": event.eventType.value,
        "job": f"{event.job.namespace}/{event.job.name}",
        "inputs": [f"{data.namespace}/{data.name}" for data in event.inputs],
        "outputs": [f"{data.namespace}/{data.name}" for data in event.outputs],
        "run_facets": sorted(event.run.facets),
        "error_message": error.message if error else None,
    }


def pruned(value):
    """Without what is empty: classes fill in empty lists and dictionaries where nothing was given."""
    if isinstance(value, dict):
        inner = {name: pruned(element) for name, element in value.items()}
        return {name: element for name, element in inner.items() if element not in (None, [], {})}
    if isinstance(value, list):
        return [pruned(element) for element in value]
    return value


def difference(one, other, path: str = "$") -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) != other.get(name):
                return difference(one.get(name), other.get(name), f"{path}.{name}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for position, (left, right) in enumerate(zip(one, other)):
            if left != right:
                return difference(left, right, f"{path}[{position}]")
    return f"{path}: {one!r} and {other!r}"


def expect(holds, problem: str) -> None:
    if not holds:
        raise EventError(problem)


if __name__ == "__main__":
    sys.exit(main())
