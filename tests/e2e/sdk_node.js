// Calls an endpoint through the vendor's two SDKs for Node; run with the packages of
// scripts/get-sdks.sh on the module path.
//
// Takes one JSON object as its argument: `netloc`, `id`, `key`, `action` and `parameters`. Prints
// {"sdk": answer, "capi": answer}; an error of the cloud is {"code": its code}.

const { scf } = require("tencentcloud-sdk-nodejs-scf");
const { Capi } = require("@tencent-sdk/capi");

const REGION = "ap-guangzhou";
const VERSION = "2018-04-16";

function bySdk(job) {
  const client = new scf.v20180416.Client({
    credential: { secretId: job.id, secretKey: job.key },
    region: REGION,
    profile: { httpProfile: { protocol: "http://", endpoint: job.netloc, reqTimeout: 20 } },
  });
  return client[job.action](job.parameters).catch((error) => ({ code: error.code }));
}

// This one hands out the whole answer, errors included.
async function byCapi(job) {
  const place = { host: job.netloc, protocol: "http" };
  const client = new Capi({
    ...place,
    debug: false,
    region: REGION,
    secretId: job.id,
    secretKey: job.key,
    serviceType: "scf",
    version: VERSION,
  });
  const parameters = { Action: job.action, Version: VERSION, ...job.parameters };
  const { Response: answer } = await client.request(parameters, place, true);
  return answer.Error ? { code: answer.Error.Code } : answer;
}

async function main() {
  const job = JSON.parse(process.argv[2]);
  console.log(JSON.stringify({ sdk: await bySdk(job), capi: await byCapi(job) }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
