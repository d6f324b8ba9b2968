// The same sign-in as handler.mjs, with the calls to the table that Postern makes. It counts failures by name and by
// address before it hashes, records the sign-in, keeps a session and logs one line. The counter of a name is on the
// user's own item, so the write that counts returns the user. It takes three round trips, as Postern does.
import { createHash, randomBytes } from "node:crypto";

import { PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";

import { accessToken, credentials, isPassword, read, reply, send, signedIn } from "./signin.mjs";

const FAILURES_OF_NAME = 25;
const FAILURES_OF_ADDRESS = 30;
const WINDOW = 300;
const SESSION = 2592000;

export async function handler(event) {
  const given = credentials(event);
  if (!given) return reply(400, { error: "username and password are needed" });
  const log = (outcome) => console.log(JSON.stringify({ message: "sign-in attempt", outcome, address }));
  const now = Math.floor(Date.now() / 1000);
  const address = event.requestContext.http.sourceIp;
  const ofAddress = `PEER#ADDRESS#${address}#${Math.floor(now / WINDOW)}`;

  try {
    const [login, charged] = await Promise.all([
      read(`LOGIN#${given.name}`, "LOGIN"),
      charge(key(ofAddress, "ATTEMPTS"), FAILURES_OF_ADDRESS, now + WINDOW),
    ]);
    // An unknown name has a counter of its own, so that it costs the same as a known one.
    const ofName = login ? key(`USER#${login.user_id.N}`, "USER") : key(`PEER#NAME#${given.name}`, "ATTEMPTS");
    const { Attributes } = await charge(ofName, FAILURES_OF_NAME, now + SESSION);
    const user = login && Attributes;
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
      Number(charged.Attributes.peer_failures.N) > FAILURES_OF_ADDRESS / 3 && refund(ofAddress),
    ]);
    log("success");
    return signedIn({ access_token: token, refresh_token: `${id}${secret}` });
  } catch (error) {
    if (error.name !== "ConditionalCheckFailedException") throw error;
    log("refused");
    return reply(429, { error: "try again later" });
  }
}

const key = (pk, sk) => ({ pk: { S: pk }, sk: { S: sk } });

const charge = (Key, limit, expires) =>
  send(UpdateItemCommand, {
    Key,
    UpdateExpression: "ADD peer_failures :one SET peer_window_ends = :expires",
    ConditionExpression: "attribute_not_exists(peer_failures) OR peer_failures < :limit",
    ExpressionAttributeValues: { ":one": { N: "1" }, ":limit": { N: `${limit}` }, ":expires": { N: `${expires}` } },
    ReturnValues: "ALL_NEW",
  });

const refund = (ofAddress) =>
  send(UpdateItemCommand, {
    Key: key(ofAddress, "ATTEMPTS"),
    UpdateExpression: "ADD peer_failures :less",
    ExpressionAttributeValues: { ":less": { N: "-1" } },
  });

// Records the sign-in, and clears the counter of the name.
const record = (user, now) =>
  send(UpdateItemCommand, {
    Key: { pk: user.pk, sk: user.sk },
    UpdateExpression: "SET last_sign_in = :now, peer_failures = :zero",
    ConditionExpression: "epoch = :epoch",
    ExpressionAttributeValues: { ":now": { N: `${now * 1000}` }, ":epoch": user.epoch, ":zero": { N: "0" } },
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
