// Does what Spring documents of a resource server with these properties ("OAuth 2.0 Resource Server JWT"), by jose. The
// first argument is the folder of the packages, the second the properties as JSON, the third the claim of the user's id, and
// the fourth the type that the bean requires, if there is one.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, properties, userId, typ] = process.argv.slice(2);
const { createRemoteJWKSet, jwtVerify } = await import(
  pathToFileURL(createRequire(`${folder}/`).resolve("jose")).href
);
const jwt = JSON.parse(properties).spring.security.oauth2.resourceserver.jwt;
const metadata = await (await fetch(`${jwt["issuer-uri"]}/.well-known/openid-configuration`)).json();
for (const [found, expected] of [[metadata.issuer, jwt["issuer-uri"]], [metadata.jwks_uri, jwt["jwk-set-uri"]]]) {
  if (found !== expected) throw new Error(`the discovery document says ${found} and not ${expected}`);
}
const keys = createRemoteJWKSet(new URL(jwt["jwk-set-uri"]));
const options = {
  algorithms: [jwt["jws-algorithms"]],
  issuer: jwt["issuer-uri"],
  audience: jwt.audiences,
  clockTolerance: 60,
  requiredClaims: ["exp"],
};
for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, options);
    const found = protectedHeader.typ?.toLowerCase() || undefined;
    // Without a bean, Spring accepts `JWT` and no type.
    const accepted = typ ? [typ] : ["jwt", undefined];
    if (!accepted.includes(found)) throw new Error(`the type is ${found}`);
    console.log(JSON.stringify({ id: payload[userId] }));
  } catch (error) {
    console.log(JSON.stringify({ refused: String(error) }));
  }
}
