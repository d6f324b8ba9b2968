// The controls of a form. A value that was filled in stays as it is (a number, null, an empty text) until it is edited.

import { element, labelled, select, spans } from "./dom.js";

const shown = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

// Returns { name, field, node, get, set }: `get` returns undefined for a member that is not sent.
export function control(field) {
  const isBoolean = field.types.has("boolean");
  const isNumber = ["integer", "number"].some((type) => field.types.has(type)) && !field.types.has("string");
  const choices = ["true", "false"].map((it) => [it, it]);
  const input = isBoolean
    ? select([["", "not sent"], ...choices])
    : element("input", { type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  let filled;

  const set = (value) => {
    filled = value;
    const text = shown(value);
    if (isBoolean && ![...input.options].some((option) => option.value === text)) {
      input.append(element("option", { value: text }, text));
    }
    input.value = text;
  };
  const get = () => {
    if (input.value === shown(filled)) return filled;
    if (input.value === "") return undefined;
    if (isBoolean) return input.value === "true";
    return isNumber && !Number.isNaN(Number(input.value)) ? Number(input.value) : input.value;
  };
  const label = element("span", {}, field.name, field.required && element("span", { class: "note" }, " required"));
  const node = labelled(label, input, field.description && spans(field.description));
  return { name: field.name, field, node, get, set };
}
