// A request as plain data, the line of curl that sends it, and sending it.
//
// { method, path, query: [[name, value]], headers: [[name, value]], body }, where the body is null, { text } or
// { parts: [[name, value]], multipart }.

// A word of a POSIX shell.
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function url(request) {
  const query = new URLSearchParams(request.query).toString();
  return location.origin + request.path + (query && `?${query}`);
}

// A line for a POSIX shell. Its `-i` shows the headers of the reply.
export function curl({ body, ...request }) {
  const parts = [`${request.method === "HEAD" ? "curl -I" : "curl -i"} ${quoted(url(request))}`];
  if (request.method !== "GET" && request.method !== "HEAD" && (!body || request.method !== "POST")) {
    parts.push(`-X ${request.method}`);
  }
  parts.push(...request.headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`));
  if (body?.parts) {
    const option = body.multipart ? "--form-string" : "--data-urlencode";
    parts.push(...body.parts.map(([name, value]) => `${option} ${quoted(`${name}=${value}`)}`));
    if (!body.parts.length) parts.push("--data-raw ''");
  } else if (body) {
    parts.push(`--data-raw ${quoted(body.text)}`);
  }
  return parts.join(" \\\n  ");
}

function payload(body) {
  if (!body) return undefined;
  if (!body.parts) return body.text;
  if (!body.multipart) return new URLSearchParams(body.parts);
  const form = new FormData();
  body.parts.forEach(([name, value]) => form.append(name, value));
  return form;
}

// Sends the request: { status, statusText, headers, text, milliseconds }.
export async function send(request) {
  const started = performance.now();
  const reply = await fetch(url(request), {
    method: request.method,
    headers: request.headers,
    body: payload(request.body),
    credentials: "omit",
    redirect: "manual",
  });
  const text = await reply.text();
  const milliseconds = Math.round(performance.now() - started);
  return { status: reply.status, statusText: reply.statusText, headers: [...reply.headers], text, milliseconds };
}
