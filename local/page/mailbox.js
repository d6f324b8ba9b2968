// The mails that were sent: the mailbox of this machine.

import { element } from "./dom.js";

const PAUSE = 2000;

// Fills `list` with the mails, the latest first, and `state` with a sentence about them.
export function followMailbox(list, state) {
  let latest = 0;

  const read = async () => {
    const mails = await fetch("/_local/mailbox").then((it) => it.json());
    if (mails === null) {
      state.textContent = "Mails go to the SMTP server.";
      return;
    }
    // The server was started again.
    if ((mails.at(-1)?.number ?? 0) < latest) {
      list.replaceChildren();
      latest = 0;
    }
    for (const mail of mails.filter((it) => it.number > latest)) {
      list.prepend(item(mail));
      latest = mail.number;
    }
    state.textContent = mails.length ? "The latest is on top." : "No mail yet. A request to reset a password sends one.";
  };
  const follow = async () => {
    if (!document.hidden) {
      await read().catch(() => {
        state.textContent = "Not connected. The server may have stopped.";
      });
    }
    setTimeout(follow, PAUSE);
  };
  follow();
}

function item(mail) {
  return element("li", {},
    element("div", {}, element("strong", {}, mail.subject)),
    element("small", {}, `to ${mail.to}`),
    element("pre", { tabindex: 0, "aria-label": `Text of the mail to ${mail.to}` }, mail.text));
}
