// Signs in at each contract by openapi-fetch, with the types that were generated from docs/api.
// The types are in the same folder: account.ts, sso.ts and so on.

import createClient from "openapi-fetch";
import type { paths as Account } from "./account.js";
import type { paths as Email } from "./email.js";
import type { paths as Jwks } from "./jwks.js";
import type { paths as Mfa } from "./mfa.js";
import type { paths as Session } from "./session.js";
import type { paths as Sso } from "./sso.js";

declare const process: { argv: string[] };

const baseUrl = process.argv[2];
const username = "johndoe";
const password = "SecurePass123!";
const wrong = "not the password";
const form = { bodySerializer: (body: Record<string, string>) => new URLSearchParams(body) };
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

/** Returns the data of a reply. Fails if it was refused. */
function data<T>(reply: { data?: T; response: Response }): T {
  if (reply.data === undefined) throw new Error(`${reply.response.url}: ${reply.response.status}`);
  return reply.data;
}

function expect<T>(found: T, expected: NoInfer<T>) {
  if (found !== expected) throw new Error(`${found} and not ${expected}`);
}

/** The refusal of a reply that must have this status. */
function refusal<E>(reply: { error?: E; response: Response }, status: number): E {
  if (reply.error === undefined || reply.response.status !== status)
    throw new Error(`${reply.response.url}: ${reply.response.status} and not ${status}`);
  return reply.error;
}

async function signInAtAccount() {
  const client = createClient<Account>({ baseUrl });
  const signIn = (password: string) => client.POST("/api/v2/account/signin/", { body: { username, password } });
  const { token } = data(await signIn(password));
  // Text here, a number after a refresh.
  const lifetime: string = token.expires_in;
  const body = { grant_type: "refresh_token" as const, refresh_token: token.refresh_token };
  const tokens = data(await client.POST("/oauth/token/", { body, ...form }));
  const same: number = tokens.expires_in;
  expect(Number(lifetime), same);
  const refused = refusal(await signIn(wrong), 401);
  const first = "errors" in refused ? refused.errors[0] : undefined;
  expect(first && "code" in first ? first.code : undefined, "authentication_failed");
  return tokens.access_token;
}

async function showAtSso(token: string) {
  const client = createClient<Sso>({ baseUrl });
  const user = data(await client.POST("/api/v2/sso/signin/", bearer(token)));
  const id: number = user.id;
  expect(id, 1);
  const refused = refusal(await client.POST("/api/v2/sso/signin/"), 401);
  expect("errors" in refused ? refused.errors[0]?.code : undefined, "not_authenticated");
}

async function signInAtSession() {
  const client = createClient<Session>({ baseUrl });
  const signIn = (password: string) =>
    client.POST("/api/auth/signin", { body: { username, password, stay_logged_in: true } });
  const { session_token } = data(await signIn(password));
  if (!session_token) throw new Error("no session token");
  const resumed = data(await client.POST("/api/auth/IamLoggedIn", { body: { session_token } }));
  const message: "Session token is good" = resumed.msg;
  expect(message, "Session token is good");
  const path = "/api/v1/user/myself/session/logoutCurrentSession";
  data(await client.POST(path, { body: { session_token }, ...bearer(resumed.token) }));
  const refused = refusal(await signIn(wrong), 400);
  expect("error_code" in refused ? refused.error_code : undefined, "username_or_password_incorrect");
}

async function signInAtMfa() {
  const client = createClient<Mfa>({ baseUrl });
  const signIn = (password: string) => client.POST("/signin", { body: { username: 1, password } });
  const { token, account } = data(await signIn(password));
  const shown = data(await client.GET("/whoami/jwt", bearer(token)));
  expect(shown.account.email, account.email);
  const begun = data(await client.POST("/account/mfa/jwt", { body: { mfa: true }, ...bearer(token) }));
  expect("mfa" in begun && begun.mfa.otpauth.startsWith("otpauth://"), true);
  const refused = refusal(await signIn(wrong), 401);
  expect("error" in refused ? refused.error : undefined, "signInFailed");
}

async function signInAtEmail() {
  const client = createClient<Email>({ baseUrl });
  const signIn = (email: string) => client.POST("/api/sign-in/", { body: { email, password } });
  const { refresh, user } = data(await signIn("johndoe@example.com"));
  const tokens = data(await client.POST("/api/token/refresh/", { body: { refresh } }));
  const profile = data(await client.GET("/api/profile/", bearer(tokens.access)));
  expect(profile.email, user.email);
  data(await client.POST("/api/token/blacklist/", { body: { refresh: tokens.refresh } }));
  const refused = refusal(await signIn("nobody@example.com"), 404);
  expect("error" in refused ? refused.error : undefined, "User does not exist.");
}

await showAtSso(await signInAtAccount());
await signInAtSession();
await signInAtMfa();
await signInAtEmail();
data(await createClient<Jwks>({ baseUrl }).GET("/.well-known/jwks.json"));
