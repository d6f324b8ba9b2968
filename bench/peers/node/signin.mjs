// The code that both handlers share. The client, the key and the decoy are made once, outside the handlers.
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { verify } from "@node-rs/argon2";
import { SignJWT } from "jose";

const LIFETIME = 604800;
const TableName = process.env.TABLE_NAME;
const [jwk] = JSON.parse(process.env.SIGNING_KEYS).keys;
const key = Buffer.from(jwk.k, "base64url");

const client = new DynamoDBClient({});

// The decoy, a hash of no password: with it, an unknown user costs the same as a known one.
const DECOY = "$argon2id$v=19$m=19456,t=2,p=1$ZGVjb3kgZGVjb3kgZGVjbw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

export const send = (Command, input) => client.send(new Command({ TableName, ...input }));

export async function read(pk, sk) {
  const { Item } = await send(GetItemCommand, { Key: { pk: { S: pk }, sk: { S: sk } }, ConsistentRead: true });
  return Item;
}

/** Returns the credentials of an API Gateway HTTP API event (payload 2.0), or nothing if there are none. */
export function credentials(event) {
  try {
    const body = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body;
    const { username, password } = JSON.parse(body);
    if (typeof username === "string" && typeof password === "string") {
      return { name: username.normalize("NFKC").toLowerCase().trim(), password };
    }
  } catch {
    // A body that is not JSON holds no credentials.
  }
}

export async function isPassword(user, password) {
  const right = await verify(user?.password_hash?.S ?? DECOY, password);
  return right && user?.status.S === "active";
}

export async function accessToken(user, claims = {}) {
  return new SignJWT({ user_id: Number(user.id.N), epoch: Number(user.epoch.N), ...claims })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime(`${LIFETIME}s`)
    .setJti(crypto.randomUUID())
    .sign(key);
}

export const signedIn = (tokens) =>
  reply(200, { token: { ...tokens, expires_in: String(LIFETIME), token_type: "Bearer" } });

export const reply = (statusCode, body) => ({
  statusCode,
  isBase64Encoded: false,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
