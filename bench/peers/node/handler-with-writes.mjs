// The same sign-in as handler.mjs, with the calls to the table that Postern makes. It counts failures by name and by
// address before it hashes, records the sign-in, keeps a session and logs one line. It takes three round trips, as
// Postern does.
import { createHash, randomBytes } from "node:crypto";

import { PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";

import { accessToken, credentials, isPassword, read, reply, send, signedIn } from "./signin.mjs";

const FAILURES_OF_NAME = 33;
const FAILURES_OF_ADDRESS = 30;
const WINDOW = 300;
const SESSION = 2592000;

export async function handler(event) {
  const given = credentials(event);
  if (!given) return reply(400, { error: "username and password are needed" });
  const log = (outcome) => console.log(JSON.stringify({ message: "sign-in attempt", outcome, address }));
  const now = Math.floor(Date.now() / 1000);
  const address = event.requestContext.http.sourceIp;
  const ofName = `PEER#NAME#${given.name}`;
  const ofAddress = `PEER#ADDRESS#${address}#${Math.floor(now / WINDOW)}`;

  try {
    const [login] = await Promise.all([
      read(`LOGIN#${given.name}`, "LOGIN"),
      charge(ofAddress, FAILURES_OF_ADDRESS, now + WINDOW),
    ]);
    const [user] = await Promise.all([
      read(`USER#${login?.user_id.N ?? 0}`, "USER"),
      charge(ofName, FAILURES_OF_NAME, now + SESSION),
    ]);
    if (!(await isPassword(user, given.password))) {
      log("wrong_password");
      return reply(401, { error: "wrong username or password" });
    }
    const secret = randomBytes(32).toString("base64url");
    const id = randomBytes(16).toString("hex");
    const [token] = await Promise.all([
      accessToken(user, { sid: id }),
      record(user, now),
      putSession(user, id, secret, now),
      update(ofName, { UpdateExpression: "SET failures = :zero", ExpressionAttributeValues: { ":zero": { N: "0" } } }),
      update(ofAddress, { UpdateExpression: "ADD failures :less", ExpressionAttributeValues: { ":less": { N: "-1" } } }),
    ]);
    log("success");
    return signedIn({ access_token: token, refresh_token: `${id}${secret}` });
  } catch (error) {
    if (error.name !== "ConditionalCheckFailedException") throw error;
    log("refused");
    return reply(429, { error: "try again later" });
  }
}

const update = (pk, input) => send(UpdateItemCommand, { Key: { pk: { S: pk }, sk: { S: "ATTEMPTS" } }, ...input });

const charge = (pk, limit, expires) =>
  update(pk, {
    UpdateExpression: "ADD failures :one SET expires_at = :expires",
    ConditionExpression: "attribute_not_exists(failures) OR failures < :limit",
    ExpressionAttributeValues: { ":one": { N: "1" }, ":limit": { N: `${limit}` }, ":expires": { N: `${expires}` } },
  });

const record = (user, now) =>
  send(UpdateItemCommand, {
    Key: { pk: user.pk, sk: user.sk },
    UpdateExpression: "SET last_sign_in = :now",
    ConditionExpression: "epoch = :epoch",
    ExpressionAttributeValues: { ":now": { N: `${now * 1000}` }, ":epoch": user.epoch },
  });

const putSession = (user, id, secret, now) =>
  send(PutItemCommand, {
    Item: {
      pk: { S: `PEER#SESSIONS#${user.id.N}` },
      sk: { S: id },
      kind: { S: "account" },
      current_hash: { S: createHash("sha256").update(secret).digest("hex") },
      epoch: user.epoch,
      created_at: { N: `${now}` },
      expires_at: { N: `${now + SESSION}` },
    },
  });
