"""Calls an endpoint through the vendor's own SDKs for API 3.0; run by the Python of
scripts/get-sdks.sh.

Takes one JSON object as its argument: `netloc`, `service` (scf or cls), `id`, `key`, `sign` and
`calls`, a list of [action, parameters]. Prints the JSON list of the answers; an error of the cloud
is {"code": its code}. With `follow` each call is repeated with the `Context` of its answer until
`ListOver`, and every page is an answer.
"""

import importlib
import json
import sys

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

SERVICES = {"scf": ("v20180416", "ScfClient"), "cls": ("v20201016", "ClsClient")}
PAGES_MAX = 100


def client_of(job):
    """The SDK's client for the service, and the SDK's own types of requests."""
    version, name = SERVICES[job["service"]]
    package = f"tencentcloud.{job['service']}.{version}"
    client = importlib.import_module(f"{package}.{job['service']}_client")
    models = importlib.import_module(f"{package}.models")
    profile = ClientProfile(
        signMethod=job["sign"],
        httpProfile=HttpProfile(protocol="http", endpoint=job["netloc"], reqTimeout=20),
    )
    keys = Credential(job["id"], job["key"])
    return getattr(client, name)(keys, "ap-guangzhou", profile), models


def call(client, models, action, parameters):
    request = getattr(models, f"{action}Request")()
    request.from_json_string(json.dumps(parameters))
    try:
        return json.loads(getattr(client, action)(request).to_json_string())
    except TencentCloudSDKException as error:
        return {"code": error.get_code(), "message": error.get_message()}


def main():
    job = json.loads(sys.argv[1])
    client, models = client_of(job)
    answers = []
    for action, parameters in job["calls"]:
        for _ in range(PAGES_MAX):
            answer = call(client, models, action, parameters)
            answers.append(answer)
            if not job["follow"] or answer.get("ListOver", True):
                break
            parameters = {**parameters, "Context": answer["Context"]}
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
