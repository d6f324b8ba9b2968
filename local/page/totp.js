// Time-based one-time passwords (RFC 6238): HMAC-SHA-1, six digits, 30 seconds.

const STEP_SECONDS = 30;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function bytes(base32) {
  const bits = [...base32.toUpperCase().replace(/=+$/, "")]
    .map((letter) => {
      const value = BASE32.indexOf(letter);
      if (value < 0) throw new Error("the secret is not in base32");
      return value.toString(2).padStart(5, "0");
    })
    .join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (it) => parseInt(it, 2));
}

// The code at a time in seconds.
export async function totp(secret, seconds = Date.now() / 1000) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(seconds / STEP_SECONDS)));
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const digest = new DataView(await crypto.subtle.sign("HMAC", key, counter.buffer));
  const number = digest.getUint32(digest.getUint8(19) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

// For how many seconds the present code is the latest one.
export function secondsLeft() {
  return STEP_SECONDS - (Math.floor(Date.now() / 1000) % STEP_SECONDS);
}
