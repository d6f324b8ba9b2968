// What follows a reply: the links of its description, with the runtime expressions of OpenAPI replaced.

function pointer(value, path) {
  return path
    .split("/")
    .slice(1)
    .reduce((at, key) => at?.[key.replace(/~1/g, "/").replace(/~0/g, "~")], value);
}

function evaluate(expression, bodies) {
  const [, side, path] = /^\$(request|response)\.body#(.*)$/.exec(expression) ?? [];
  return side ? pointer(bodies[side], path) : undefined;
}

// Replaces expressions in a value. Returns undefined if one of them finds nothing.
export function resolved(value, bodies) {
  if (typeof value === "string") {
    if (value.startsWith("$")) return evaluate(value, bodies);
    let isComplete = true;
    const text = value.replace(/\{(\$[^}]+)\}/g, (_, expression) => {
      const found = evaluate(expression, bodies);
      isComplete &&= found !== undefined;
      return found;
    });
    return isComplete ? text : undefined;
  }
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).map(([name, member]) => [name, resolved(member, bodies)]);
  return members.some(([, member]) => member === undefined) ? undefined : Object.fromEntries(members);
}

// The operations that can follow: [{ operation, description, prefill: { values, path, token, scheme } }].
export function followers(operation, operations, status, bodies) {
  const { links = [] } = operation.replies.find((it) => it.status === String(status)) ?? {};
  const own = links.flatMap(({ operationId, description, parameters = {}, requestBody }) => {
    const next = operations.find((it) => it.id === operationId);
    const given = resolved(parameters, bodies);
    const values = requestBody === undefined ? undefined : resolved(requestBody, bodies);
    if (!next || given === undefined || (requestBody !== undefined && values === undefined)) return [];
    return [{ operation: next, description, prefill: { values, path: pathOf(given), ...tokenOf(given) } }];
  });
  return [...own, ...toSso(operation, operations, bodies.response), ...toConfirmation(operation, bodies.response)];
}

// The token in the parameters of a link, and where it is sent: `header.Authorization` or `query.token`.
function tokenOf(parameters) {
  const [place, token] = Object.entries(parameters).find(([name]) => !name.startsWith("path.")) ?? [];
  return place
    ? { token: token.replace(/^Bearer /, ""), scheme: place.startsWith("query.") ? "query" : "bearer" }
    : {};
}

// The values of the path in the parameters of a link: `path.id` is the value of `id`.
function pathOf(parameters) {
  const ofPath = Object.entries(parameters).filter(([name]) => name.startsWith("path."));
  return Object.fromEntries(ofPath.map(([name, value]) => [name.slice("path.".length), value]));
}

// A description has no links to another contract, and sso takes the access tokens of account.
function toSso(operation, operations, body) {
  const token = operation.contract === "account" ? (body?.token?.access_token ?? body?.access_token) : undefined;
  const sso = operations.find((it) => it.contract === "sso");
  const description = "sso takes the access token of account.";
  return token && sso ? [{ operation: sso, description, prefill: { token } }] : [];
}

// A link cannot say that the user types a code.
function toConfirmation(operation, body) {
  const secret = body?.mfa?.secret;
  const description = "A code of this secret switches MFA on.";
  return secret
    ? [{ operation, label: "Confirm with a code", description, prefill: { values: { mfa: true, secret } } }]
    : [];
}
