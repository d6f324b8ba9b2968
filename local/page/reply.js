// Shows a reply: status, headers, body, the tokens in it, and what follows.

import { element, fill, spans } from "./dom.js";
import { claimText, decode, strings } from "./jwt.js";

// `follow(follower)` opens the form of an operation that follows.
export function showReply(node, { reply, body, operation, followers, follow }) {
    const documented = operation.replies.find((it) => it.status === String(reply.status));
    fill(
        node,
        element("h3", {}, "Reply"),
        element(
            "p",
            { class: reply.status < 400 ? "status good" : "status bad" },
            element("strong", {}, `${reply.status} ${reply.statusText}`),
            ` in ${reply.milliseconds} ms`,
        ),
        element("p", {}, documented ? spans(documented.description) : "The description does not list this status."),
        special(body),
        followers.length > 0 &&
            element(
                "div",
                { class: "follow" },
                element("h4", {}, "What follows"),
                element(
                    "ul",
                    {},
                    followers.map((it) =>
                        element(
                            "li",
                            {},
                            element("button", { type: "button", onclick: () => follow(it) }, labelOf(it, operation)),
                            " ",
                            element("small", {}, spans(it.description)),
                        ),
                    ),
                ),
            ),
        element("h4", {}, "Body"),
        reply.text
            ? element("pre", { tabindex: 0, "aria-label": "Body of the reply" }, pretty(reply.text, body))
            : element("p", { class: "note" }, "empty"),
        strings(body).map(([path, text]) => tokenTable(path, decode(text))),
        element(
            "details",
            { open: true },
            element("summary", {}, `Headers (${reply.headers.length})`),
            table(reply.headers),
        ),
    );
}

function labelOf({ label, operation: next }, operation) {
    return label ?? (next.contract === operation.contract ? next.summary : `${next.contract}: ${next.summary}`);
}

function pretty(text, body) {
    if (body === undefined) return text;
    return JSON.stringify(
        body,
        (_, value) => (isSvg(value) ? `${value.slice(0, 40)}… (${value.length} characters, shown above)` : value),
        2,
    );
}

const isSvg = (value) => typeof value === "string" && value.startsWith("<svg");

// What is more than text to the reader: QR codes, and codes to keep.
function special(body) {
    const images = strings(body)
        .filter(([, text]) => isSvg(text))
        .map(([, svg]) =>
            element(
                "figure",
                {},
                element("img", {
                    src: `data:image/svg+xml,${encodeURIComponent(svg)}`,
                    alt: "QR code of the TOTP secret",
                    width: 200,
                    height: 200,
                }),
                element(
                    "figcaption",
                    {},
                    "Scan it with an authenticator app, or let the page compute the code in the next form.",
                ),
            ),
        );
    const codes = Array.isArray(body?.scratchCodes)
        ? [
              element(
                  "div",
                  { class: "recovery" },
                  element("h4", {}, "Recovery codes, each valid once"),
                  element(
                      "ul",
                      {},
                      body.scratchCodes.map((code) => element("li", {}, element("code", {}, code))),
                  ),
              ),
          ]
        : [];
    return [...images, ...codes];
}

function tokenTable(path, token) {
    if (!token) return null;
    const rows = Object.entries(token.claims).map(([name, value]) => [name, claimText(name, value)]);
    return element(
        "details",
        { open: true, class: "token" },
        element("summary", {}, "JWT in ", element("code", {}, path)),
        element(
            "p",
            { class: "note" },
            "Header ",
            element("code", {}, JSON.stringify(token.header)),
            ". Decoded only: the page does not verify the signature.",
        ),
        table(rows),
    );
}

function table(rows) {
    return element(
        "div",
        { class: "scroll" },
        element(
            "table",
            {},
            element(
                "tbody",
                {},
                rows.map(([name, value]) =>
                    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)),
                ),
            ),
        ),
    );
}
