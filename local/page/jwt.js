// Decodes JSON Web Tokens (RFC 7519). It does not verify their signatures.

// { header, claims }, or null if the text is no JWT.
export function decode(text) {
  const parts = typeof text === "string" ? text.split(".") : [];
  if (parts.length !== 3) return null;
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(utf8(part)));
    return header?.alg && claims && typeof claims === "object" ? { header, claims } : null;
  } catch {
    return null;
  }
}

function utf8(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(binary, (it) => it.charCodeAt(0)));
}

// The strings in a JSON value: [path, text], where the path is as in `token.access_token`.
export function strings(value, path = "") {
  if (typeof value === "string") return [[path, value]];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, member]) => strings(member, path ? `${path}.${name}` : name));
}

// A claim's value as people read it: times in words too.
export function claimText(name, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (!["exp", "iat", "nbf"].includes(name) || typeof value !== "number") return text;
  const time = new Date(value * 1000);
  // No date of JavaScript is later than the year 275760.
  if (Number.isNaN(time.getTime())) return text;
  const date = time.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
  return `${text}: ${date}, ${relative(value - Date.now() / 1000)}`;
}

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

function relative(seconds) {
  const [unit, length] = UNITS.find(([, it]) => Math.abs(seconds) >= it * 0.999) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(seconds / length), unit);
}
