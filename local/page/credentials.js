// The part of a form that says which token is sent, and where.

import { element, labelled, select } from "./dom.js";

// `known` is a token from an earlier reply, and `scheme` is how the link of that reply sends it. Returns
// { node, token, add }: `add` puts the token, if there is one, into the query or the headers of a request.
export function credentials({ contract, credentials: ways }, known, scheme) {
  if (!ways.length) return { node: null, token: null, add: () => {} };
  const names = ways.map((it) => (it.scheme === "bearer" ? "Authorization: Bearer" : `?${it.name}=`));
  const way = select([...names.map((name, index) => [String(index), name]), ["none", "not sent"]]);
  way.value = String(
    Math.max(
      0,
      ways.findIndex((it) => it.scheme === scheme),
    ),
  );
  const input = element("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  input.value = known ?? "";
  const place = contract === "sso" ? "at account" : "here";
  const hint = known ? "From an earlier reply." : `No reply has given a token yet: sign in ${place} first.`;
  return {
    node: element("div", { class: "pair" }, labelled("Token", input, hint), labelled("Sent as", way)),
    get token() {
      return input.value;
    },
    add(query, headers) {
      if (!input.value) return;
      const chosen = ways[way.value];
      if (chosen?.scheme === "bearer") headers.push(["Authorization", `Bearer ${input.value}`]);
      if (chosen?.scheme === "query") query.push([chosen.name, input.value]);
    },
  };
}
