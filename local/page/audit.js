// The live tail of the audit events.

import { element } from "./dom.js";

const SHOWN = 100;

// Fills `list` with the events, the latest first, and `state` with the state of the connection. Returns a function that
// marks the events of a request.
export function followAudit(list, state) {
  let stream = null;
  let marked = null;

  const mark = () => {
    for (const item of list.children) item.classList.toggle("own", item.dataset.request === marked);
  };
  const connect = () => {
    stream = new EventSource("/_local/audit");
    // The server sends the latest events at the beginning of each connection.
    stream.onopen = () => {
      list.replaceChildren();
      state.textContent = "Live. The latest is on top.";
    };
    stream.onerror = () => {
      state.textContent = "Not connected. The server may have stopped.";
    };
    stream.onmessage = ({ data }) => {
      list.prepend(item(JSON.parse(data)));
      if (list.children.length > SHOWN) list.lastChild.remove();
      mark();
    };
  };
  // A browser opens few connections to one server. So only a page that is seen holds one.
  const adjust = () => {
    if (document.hidden) stream?.close();
    else if (!stream || stream.readyState === EventSource.CLOSED) connect();
  };
  document.addEventListener("visibilitychange", adjust);
  adjust();
  return (requestId) => {
    marked = requestId;
    mark();
  };
}

function item(event) {
  const facts = [
    event.user_id !== undefined && `user ${event.user_id}`,
    event.throttled_by && `throttled by ${event.throttled_by}`,
    event.name_locked && "the name is locked now",
    event.hash_ms !== undefined && `hash ${event.hash_ms} ms`,
    event.duration_ms !== undefined && `${event.duration_ms} ms`,
  ];
  const time = element("time", {}, event.timestamp.slice(11, 19));
  return element("li", { "data-request": event.request_id },
    element("div", {}, time, ` ${event.contract} `, element("strong", {}, event.outcome)),
    element("small", {}, facts.filter(Boolean).join(" · ")));
}
