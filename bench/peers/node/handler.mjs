// The sign-in that an AWS user would write: it reads the user, verifies the password and signs a token. It neither counts
// failures nor keeps a session.
import { accessToken, credentials, isPassword, read, reply, signedIn } from "./signin.mjs";

export async function handler(event) {
  const given = credentials(event);
  if (!given) return reply(400, { error: "username and password are needed" });
  const login = await read(`LOGIN#${given.name}`, "LOGIN");
  const user = login && (await read(`USER#${login.user_id.N}`, "USER"));
  if (!(await isPassword(user, given.password))) return reply(401, { error: "wrong username or password" });
  return signedIn({ access_token: await accessToken(user) });
}
