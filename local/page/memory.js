// What the page remembers until it is loaded again: the tokens of the replies, and the TOTP secrets that it has seen.

import { decode, strings } from "./jwt.js";

const tokens = new Map();
const secrets = new Map();

// Takes the tokens from a reply: by contract, the latest access token, and each member by its name.
export function rememberReply(contract, body) {
  const known = tokens.get(contract) ?? { access: null, members: {} };
  for (const [path, text] of strings(body)) {
    const name = path.split(".").at(-1);
    const jwt = decode(text);
    if (jwt && jwt.claims.token_type !== "refresh") known.access = text;
    known.members[name] = text;
  }
  tokens.set(contract, known);
}

// The latest access token that a contract accepts. sso accepts those of account.
export function accessToken(contract) {
  return tokens.get(contract === "sso" ? "account" : contract)?.access ?? null;
}

// The latest value of a refresh or session token, by the name of its member.
export function latestMember(contract, name) {
  return /^(refresh|session)/.test(name) ? (tokens.get(contract)?.members[name] ?? null) : null;
}

// Keeps the TOTP secret of a login name.
export function rememberSecret(login, secret) {
  secrets.set(login.toLowerCase(), secret);
}

export function secretOf(login) {
  return secrets.get(String(login).toLowerCase()) ?? null;
}
