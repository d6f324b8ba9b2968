// Reads a contract's OpenAPI description: its operations, and what a form needs to know about each.

const METHODS = ["get", "head", "post", "put", "patch", "delete"];

// `routes` are the paths in the order of the contract's code. The paths of the document are in no order.
export function readContract({ name, routes, document }) {
  const reader = new Reader(document);
  const place = (path) => routes.indexOf(path.replace(/\/$/, ""));
  const paths = Object.entries(document.paths).sort(([one], [other]) => place(one) - place(other));
  const operations = paths.flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => reader.operation(name, path, method, item)),
  );
  return { name, description: document.info.description, operations };
}

// Orders names: those for which `first` is true, and then by the alphabet.
const order = (first) => (one, other) => first(other) - first(one) || one.localeCompare(other);

class Reader {
  constructor(document) {
    this.document = document;
  }

  // Follows a reference into the same document.
  resolve(node) {
    if (!node?.$ref) return node ?? {};
    const { $ref, ...siblings } = node;
    const keys = $ref
      .slice(2)
      .split("/")
      .map((key) => decodeURIComponent(key).replace(/~1/g, "/").replace(/~0/g, "~"));
    return { ...this.resolve(keys.reduce((at, key) => at[key], this.document)), ...siblings };
  }

  operation(contract, path, method, item) {
    const operation = item[method];
    const body = this.resolve(operation.requestBody);
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((it) => this.resolve(it));
    return {
      contract,
      path,
      method: method.toUpperCase(),
      id: operation.operationId,
      summary: operation.summary ?? operation.operationId,
      description: operation.description,
      credentials: this.credentials(operation.security ?? this.document.security ?? []),
      parameters: parameters
        .filter((it) => ["query", "header", "path"].includes(it.in))
        .map((it) => ({
          ...this.field(it.name, it.schema),
          place: it.in,
          required: it.required === true,
          description: it.description,
        })),
      bodyRequired: body.required === true,
      contents: Object.entries(body.content ?? {}).map(([type, content]) => ({
        type,
        fields: [...this.fields(content.schema).values()],
        examples: this.examples(content),
      })),
      replies: Object.entries(operation.responses ?? {}).map(([status, reply]) => {
        const { description, links = {} } = this.resolve(reply);
        return {
          status,
          description,
          links: Object.entries(links).map(([name, it]) => ({ name, ...this.resolve(it) })),
        };
      }),
    };
  }

  // The ways in which a token can be sent: `{ scheme: "bearer" }`, or `{ scheme: "query", name }`.
  credentials(requirements) {
    const schemes = this.document.components?.securitySchemes ?? {};
    return requirements
      .flatMap((requirement) => Object.keys(requirement))
      .flatMap((name) => {
        const scheme = this.resolve(schemes[name]);
        if (scheme.type === "http" && scheme.scheme.toLowerCase() === "bearer") return [{ scheme: "bearer" }];
        if (scheme.type === "apiKey" && scheme.in === "query") return [{ scheme: "query", name: scheme.name }];
        return [];
      });
  }

  // What succeeds comes first.
  examples(content) {
    const names = Object.keys(content.examples ?? {}).sort(order((name) => name.startsWith("success")));
    return names.map((name) => ({ name, value: this.resolve(content.examples[name]).value }));
  }

  // The members of a body. Those of all alternatives are in one form.
  fields(schema, found = new Map(), required = true) {
    const { allOf = [], oneOf = [], anyOf = [], properties = {}, required: names = [] } = this.resolve(schema);
    const ordered = new Set([...names, ...Object.keys(properties)]);
    for (const name of [...ordered].filter((it) => properties[it])) {
      const field = this.field(name, properties[name]);
      const earlier = found.get(name);
      if (earlier) earlier.types.forEach((type) => field.types.add(type));
      found.set(name, { ...field, place: "body", required: required && names.includes(name) });
    }
    allOf.forEach((part) => this.fields(part, found, required));
    const alternatives = [...oneOf, ...anyOf];
    alternatives.forEach((part) => this.fields(part, found, false));
    const isInEach = (name) => alternatives.every((part) => this.resolve(part).required?.includes(name));
    for (const field of alternatives.length ? found.values() : []) field.required ||= isInEach(field.name);
    return found;
  }

  field(name, schema) {
    const { description } = this.resolve(schema);
    return { name, description, types: this.types(schema) };
  }

  types(schema) {
    const { type, const: constant, enum: values = [], oneOf = [], anyOf = [], allOf = [] } = this.resolve(schema);
    const types = new Set([type ?? []].flat());
    const given = constant === undefined ? values : [constant];
    given.forEach((value) => types.add(value === null ? "null" : typeof value));
    [...oneOf, ...anyOf, ...allOf].forEach((part) => this.types(part).forEach((it) => types.add(it)));
    return types;
  }
}
