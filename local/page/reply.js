// Shows a reply: status, headers, body, the tokens in it, and what follows.

import { element, fill, spans } from "./dom.js";
import { claimText, decode, strings } from "./jwt.js";

// `follow(follower)` opens the form of an operation that follows.
export function showReply(node, { reply, body, operation, followers, follow }) {
  const documented = operation.replies.find((it) => it.status === String(reply.status));
  fill(
    node,
    element("h3", {}, "Reply"),
    element("p", { class: reply.status < 400 ? "status good" : "status bad" },
      element("strong", {}, `${reply.status} ${reply.statusText}`), ` in ${reply.milliseconds} ms`),
    element("p", {}, documented ? spans(documented.description) : "The description does not list this status."),
    strings(body).map(([, text]) => (isSvg(text) ? picture(text) : null)),
    Array.isArray(body?.scratchCodes) ? recoveryCodes(body.scratchCodes) : null,
    followers.length ? element("div", { class: "follow" }, element("h4", {}, "What follows"),
      element("ul", {}, followers.map((it) => following(it, operation, follow)))) : null,
    element("h4", {}, "Body"),
    reply.text
      ? element("pre", { tabindex: 0, "aria-label": "Body of the reply" }, pretty(reply.text, body))
      : element("p", { class: "note" }, "empty"),
    strings(body).map(([path, text]) => tokenTable(path, decode(text))),
    element("details", { open: true }, element("summary", {}, "Headers"), table(reply.headers)),
  );
}

function following(follower, operation, follow) {
  const { label, operation: next, description } = follower;
  const place = next.contract === operation.contract ? "" : `${next.contract}: `;
  const button = element("button", { type: "button", onclick: () => follow(follower) }, label ?? place + next.summary);
  return element("li", {}, button, " ", element("small", {}, spans(description)));
}

const isSvg = (value) => typeof value === "string" && value.startsWith("<svg");

function pretty(text, body) {
  if (body === undefined) return text;
  const short = (_, value) => (isSvg(value) ? `<svg… (${value.length} characters, shown above)` : value);
  return JSON.stringify(body, short, 2);
}

function picture(svg) {
  const src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  const hint = "Scan it with an authenticator app, or let the page compute the code in the next form.";
  return element("figure", {},
    element("img", { src, alt: "QR code of the TOTP secret", width: 200, height: 200 }),
    element("figcaption", {}, hint));
}

function recoveryCodes(codes) {
  return element("div", { class: "recovery" },
    element("h4", {}, "Recovery codes, each valid once"),
    element("ul", {}, codes.map((code) => element("li", {}, element("code", {}, code)))));
}

function tokenTable(path, token) {
  if (!token) return null;
  const rows = Object.entries(token.claims).map(([name, value]) => [name, claimText(name, value)]);
  const header = element("code", {}, JSON.stringify(token.header));
  return element("details", { open: true, class: "token" },
    element("summary", {}, "JWT in ", element("code", {}, path)),
    element("p", { class: "note" }, "Header ", header, ". Decoded only: the page does not verify the signature."),
    table(rows));
}

export function table(rows) {
  const row = ([name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value));
  return element("table", {}, element("tbody", {}, rows.map(row)));
}
