// The loop of Lambda's runtime: gets an event, calls the handler, sends the reply. AWS's own loop has a native part, which
// needs a compiler and cmake to build.
import { Agent, request } from "node:http";
import { pathToFileURL } from "node:url";

const base = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const agent = new Agent({ keepAlive: true });

const call = (method, path, body) =>
  new Promise((resolve, reject) => {
    const sent = request(base + path, { method, agent }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() });
    });
    sent.on("error", reject);
    sent.end(body);
  });

const { handler } = await import(pathToFileURL(process.argv[2]));
for (;;) {
  const { headers, body } = await call("GET", "/next");
  const id = headers["lambda-runtime-aws-request-id"];
  try {
    await call("POST", `/${id}/response`, JSON.stringify(await handler(JSON.parse(body))));
  } catch (error) {
    await call("POST", `/${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
}
