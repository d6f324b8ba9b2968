// The throttle's state of the login name that was sent last.

import { element, fill } from "./dom.js";
import { quoted } from "./request.js";

let timer = null;

export async function showAttempts(node, name) {
  clearTimeout(timer);
  const reply = await fetch(`/_local/attempts?name=${encodeURIComponent(name)}`);
  if (!reply.ok) {
    fill(node, element("p", {}, "The state cannot be read."));
    return;
  }
  const state = await reply.json();
  const { failures, wait_ms: wait, locked, free_failures: free, lock_after: most } = state;
  const whose = state.known_address ? " from where the user signed in before" : "";
  fill(
    node,
    element("p", {}, element("strong", {}, name)),
    element("p", {}, `${failures} of ${most} failures in a row${whose}.`),
    meter(Math.min(failures, most), free, most),
    element("p", {}, advice(name, failures, wait, locked, free)),
  );
  if (wait && !locked) timer = setTimeout(() => showAttempts(node, name), Math.min(wait, 1000));
}

function meter(value, free, most) {
  const limits = { min: 0, max: most, low: free, high: most - 1, optimum: 0 };
  return element("meter", { ...limits, value, "aria-label": "failures in a row" });
}

function advice(name, failures, wait, locked, free) {
  if (locked) {
    return [
      "Locked until an operator unlocks it: ",
      element("code", {}, `cargo run -p postern-admin -- --local user unlock ${quoted(name)}`),
    ];
  }
  if (wait) return [`The next attempt is possible in ${Math.ceil(wait / 1000)} s.`];
  if (failures < free) return [`After ${free} failures the name has to wait.`];
  return ["An attempt is possible now. A failure makes the next wait longer."];
}
