"""Calls an endpoint through the vendor's own v2 SDK; run by the Python of scripts/get-sdks.sh.

Takes one JSON object as its argument: `netloc`, `id`, `key`, `method`, `sign` and `calls`, a list
of [action, parameters]. Prints the JSON list of the answers, a network failure as {"network": text}.
"""

import http.client
import json
import sys

from QcloudApi.common.api_exception import ApiClientNetworkException
from QcloudApi.modules.scf import Scf

# The name that the SDK would connect to, and therefore signs.
SIGNED_HOST = "scf.api.qcloud.com"


class Loopback(http.client.HTTPConnection):
    """Plain HTTP in place of the SDK's own HTTPS connection."""

    # The SDK reads how many bytes it sent; only its own connection class counts them.
    request_length = 0


def main():
    job = json.loads(sys.argv[1])
    sdk = Scf({
        "secretId": job["id"],
        "secretKey": job["key"],
        "Region": "ap-guangzhou",
        "method": job["method"],
        "SignatureMethod": job["sign"],
        "endpoint": SIGNED_HOST,
    })
    sdk.apiRequest.conn = Loopback(job["netloc"])
    answers = []
    for action, parameters in job["calls"]:
        try:
            answers.append(json.loads(sdk.call(action, parameters)))
        except ApiClientNetworkException as error:
            answers.append({"network": str(error)})
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
