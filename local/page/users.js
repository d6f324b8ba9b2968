// The demo users: which one fits a form, and what the page knows of each.

import { element } from "./dom.js";
import { rememberSecret } from "./memory.js";

// The member of a request that takes each of these facts about a user.
const MEMBERS = { username: "username", email: "email", password: "password", old_password: "password" };

// Returns the demo users, and one entry for each locked name. No password signs in at a locked name.
export async function loadUsers() {
  const { users, locked } = await (await fetch("/_local/users.json")).json();
  for (const { id, username, email, totp_secret: secret } of users) {
    if (secret) [String(id), username, email].forEach((login) => rememberSecret(login, secret));
  }
  const names = locked.map((name) => ({
    username: name,
    email: name,
    password: "Password1234!",
    state: "locked name",
    recovery_codes: [],
  }));
  return [...users, ...names];
}

// What a user fills into a form with these members.
export function valuesOf(user, members) {
  return Object.fromEntries(members.filter((name) => MEMBERS[name]).map((name) => [name, user[MEMBERS[name]]]));
}

// The user whose login name a form has.
export function userOf(users, login) {
  const name = String(login ?? "")
    .trim()
    .toLowerCase();
  return users.find((user) => [user.username, user.email].some((own) => own.toLowerCase() === name)) ?? null;
}

// The facts about a user that no form shows.
export function userFacts(user) {
  if (!user) return [];
  const { id, state, totp_secret: secret, recovery_codes: codes } = user;
  return [
    element("span", {}, id ? `id ${id}, ${state}` : state),
    secret && element("span", {}, "TOTP secret ", element("code", {}, secret)),
    codes.length > 0 && element("span", {}, "Recovery codes ", element("code", {}, codes.join(" "))),
  ];
}
