// Builds the page: the list of contracts, the form that the address names, and what stands beside it.

import { showAttempts } from "./attempts.js";
import { followAudit } from "./audit.js";
import { copyButton, element, fill, prose } from "./dom.js";
import { followers } from "./follow.js";
import { OperationForm } from "./form.js";
import { decode } from "./jwt.js";
import { followMailbox } from "./mailbox.js";
import { rememberReply } from "./memory.js";
import { readContract } from "./openapi.js";
import { showReply, table } from "./reply.js";
import { curl, send } from "./request.js";
import { loadUsers } from "./users.js";

const $ = (id) => document.getElementById(id);
const address = (operation) => `#${operation.id}`;

const [descriptions, users] = await Promise.all([
  fetch("/_local/descriptions.json").then((it) => it.json()),
  loadUsers(),
]);
const contracts = descriptions.map(readContract);
const operations = contracts.flatMap((it) => it.operations);
const markAudit = followAudit($("audit"), $("audit-state"));
followMailbox($("mailbox"), $("mailbox-state"));
let prefill = {};

$("no-users").hidden = users.length > 0;
$("contracts").append(...contracts.map(entry));

function entry({ name, operations }) {
  const links = operations.map((it) => {
    const route = element("code", {}, `${it.method} ${it.path}`);
    return element("li", {}, element("a", { href: address(it), "data-operation": it.id }, it.summary, " ", route));
  });
  const first = element("a", { href: address(operations[0]), class: "contract" }, name);
  return element("li", { "data-contract": name }, first, element("ul", {}, links));
}

function show(operation, { focus }) {
  const contract = contracts.find((it) => it.name === operation.contract);
  for (const link of $("contracts").querySelectorAll("a[data-operation]")) {
    if (link.dataset.operation === operation.id) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const item of $("contracts").children)
    item.classList.toggle("current", item.dataset.contract === contract.name);
  document.title = `${operation.summary}, ${contract.name}: Postern`;
  const heading = element("h2", { tabindex: -1 }, `${contract.name}: ${operation.summary}`);
  fill(
    $("operation"),
    heading,
    element("p", { class: "route" }, element("code", {}, `${operation.method} ${operation.path}`)),
    prose(operation.description),
    element("details", {}, element("summary", {}, "About this contract"), prose(contract.description)),
    formOf(operation),
    statuses(operation),
  );
  prefill = {};
  $("contracts").querySelector("[aria-current]").scrollIntoView({ block: "nearest" });
  if (focus) heading.focus();
}

function formOf(operation) {
  const line = element("pre", { tabindex: 0, class: "curl", "aria-label": "The request as a line of curl" });
  const result = element("section", { class: "reply", "aria-label": "Reply", hidden: true });
  const announcement = element("p", { class: "visually-hidden", "aria-live": "polite" });
  let isSending = false;
  let form = null;
  form = new OperationForm(operation, users, prefill, () => {
    if (form) line.textContent = curl(form.request());
  });
  line.textContent = curl(form.request());
  const submit = async (event) => {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    try {
      await exchange(operation, form, result, announcement);
    } catch (error) {
      announcement.textContent = "";
      result.hidden = false;
      const problem = `The request failed: ${error.message}`;
      fill(result, element("p", { class: "status bad", role: "alert" }, problem));
    }
    isSending = false;
  };
  const copy = copyButton("Copy", () => line.textContent);
  return element("form", { onsubmit: submit, "aria-label": operation.summary },
    form.node,
    element("div", { class: "sent" }, element("h3", {}, "Request"), copy),
    line,
    element("button", { type: "submit" }, "Send"),
    announcement,
    result);
}

async function exchange(operation, form, result, announcement) {
  const [request, values] = [form.request(), form.values()];
  // A change of MFA names no user. It is counted under the username in the token.
  const login = form.login() ?? decode(form.credentials.token)?.claims.username;
  announcement.textContent = "Sent.";
  const reply = await send(request);
  const body = parsed(reply.text);
  rememberReply(operation.contract, body);
  result.hidden = false;
  showReply(result, {
    reply,
    body,
    operation,
    followers: followers(operation, operations, reply.status, { request: values, response: body }),
    follow: (follower) => {
      prefill = follower.prefill;
      if (location.hash === address(follower.operation)) show(follower.operation, { focus: true });
      else location.hash = address(follower.operation);
    },
  });
  announcement.textContent = `Reply: ${reply.status} ${reply.statusText}`;
  result.scrollIntoView({ block: "nearest" });
  markAudit(Object.fromEntries(reply.headers)["x-request-id"]);
  if (login) await showAttempts($("attempts"), login);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function statuses({ replies }) {
  const rows = replies.map(({ status, description }) => [status, prose(description)]);
  return element("details", { class: "statuses" }, element("summary", {}, "Replies of this route"), table(rows));
}

const named = () => operations.find((it) => address(it) === location.hash);
addEventListener("hashchange", () => {
  if (named()) show(named(), { focus: true });
});
show(named() ?? operations[0], { focus: false });
