"""What YAML files hold, and what Kubernetes and the operators have against it, as JSON.

usage: judge_manifests.py CRDS FILE...

CRDS is the folder with the definitions of the operators; without it their objects are not judged. Prints
{file: {"documents": [...], "faults": {"Kind name": text}}}; a document without a kind is not judged.
Runs with the Python of scripts/get-kube-schemas.sh, for what that has.
"""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate as kubernetes
import yaml

# The oldest that the chart is for, and the newest that there is a schema of.
VERSIONS = "1.25", kubernetes.latest_version()
KINDS = "PrometheusRule", "ServiceMonitor", "VMServiceScrape"
GROUPS = "monitoring.coreos.com/", "operator.victoriametrics.com/"


def strict(schema):
    """`schema` with unknown keys refused; the server would drop them without a word."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not (
        schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        schema.setdefault("additionalProperties", False)
    return schema


def definitions(folder):
    """{kind: schema} of the operators' objects in `folder`."""
    found = {}
    files = ["monitoring.coreos.com_servicemonitors", "monitoring.coreos.com_prometheusrules", "victoria"]
    texts = [(folder / f"{file}.yaml").read_text(encoding="utf-8") for file in files]
    for crd in (each for text in texts for each in yaml.load_all(text, yaml.CSafeLoader)):
        if crd["spec"]["names"]["kind"] not in KINDS:
            continue
        stored = next(version for version in crd["spec"]["versions"] if version["storage"])
        text = json.dumps(stored["schema"]["openAPIV3Schema"])
        # Go takes such flags anywhere in an expression, Python at its beginning alone.
        schema = strict(json.loads(text.replace("^(?i)", "(?i)^")))
        # What every object has; Kubernetes' own schemas judge it elsewhere.
        schema["properties"]["metadata"] = {"type": "object"}
        found[crd["spec"]["names"]["kind"]] = schema
    return found


def fault(document, known):
    """What is wrong with one object; None where nothing is."""
    try:
        if document["apiVersion"].startswith(GROUPS):
            if known:
                jsonschema.Draft7Validator(known[document["kind"]]).validate(document)
        else:
            for version in VERSIONS:
                kubernetes.validate(document, version, strict=True)
    except (jsonschema.ValidationError, kubernetes.ValidationError) as error:
        return str(error)[:1500]
    return None


def main():
    folder = pathlib.Path(sys.argv[1])
    known = definitions(folder) if folder.is_dir() else {}
    answer = {}
    for file in sys.argv[2:]:
        text = pathlib.Path(file).read_text(encoding="utf-8")
        documents = [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]
        faults = {}
        for document in documents:
            if "kind" in document and "metadata" in document:
                found = fault(document, known)
                if found:
                    faults[f"{document['kind']} {document['metadata']['name']}"] = found
        answer[file] = {"documents": documents, "faults": faults}
    json.dump(answer, sys.stdout)


main()
