// The button that computes a code of MFA from a secret that the page has seen.

import { element } from "./dom.js";
import { decode } from "./jwt.js";
import { rememberSecret, secretOf } from "./memory.js";
import { secondsLeft, totp } from "./totp.js";

// The latest code of each secret. A code is valid once.
const computed = new Map();

// `source()` says whose code: a secret that waits to be confirmed, a login name, or a token that names the user.
export function codeButton(control, source, changed) {
  const note = element("small", { "aria-live": "polite" });
  const button = element("button", { type: "button", class: "quiet" }, "Compute the code");
  button.addEventListener("click", async () => {
    const { secret: pending, login, token } = source();
    const username = login ?? decode(token)?.claims.username;
    if (pending && username) rememberSecret(username, pending);
    const secret = pending ?? secretOf(username ?? "");
    if (!secret) {
      note.textContent = "The page knows no TOTP secret of this user.";
      return;
    }
    const code = await totp(secret).catch(() => null);
    if (code === null) {
      note.textContent = "The secret is not in base32.";
      return;
    }
    note.textContent =
      computed.get(secret) === code
        ? `The same code as before. If it was sent, the next one comes in ${secondsLeft()} s: a code is valid once.`
        : `New in ${secondsLeft()} s. A code is valid once.`;
    computed.set(secret, code);
    control.set(code);
    changed();
  });
  return element("div", { class: "code" }, button, note);
}
