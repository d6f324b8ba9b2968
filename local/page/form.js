// The form of an operation, made from its description. It gives the request as plain data.

import { codeButton } from "./code.js";
import { credentials } from "./credentials.js";
import { control } from "./fields.js";
import { element, fill, labelled, select } from "./dom.js";
import { accessToken, latestMember } from "./memory.js";
import { userFacts, userOf, valuesOf } from "./users.js";

const FORM = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data";

export class OperationForm {
  // `prefill` has what an earlier reply gave: the values of members and of the path, the token, and how it is sent.
  constructor(operation, users, prefill, changed) {
    Object.assign(this, { operation, users, changed, controls: [], content: operation.contents[0] ?? null });
    this.node = element("div", { class: "fields", oninput: changed, onchange: changed });
    this.credentials = credentials(operation, prefill.token ?? accessToken(operation.contract), prefill.scheme);
    this.parameters = operation.parameters.map(control);
    this.parameters.forEach((it) => it.set(prefill.path?.[it.name]));
    const parameters = this.parameters.map((it) => it.node);
    fill(this.node, this.credentials.node, parameters);
    if (this.content) this.addBody(prefill.values);
  }

  addBody(values) {
    const { contents } = this.operation;
    const types = contents.map(({ type }) => [type, type]);
    this.type = select(types, { onchange: () => this.changeType() });
    this.example = select([], { onchange: () => this.fill(this.examples()[this.example.value]?.value) });
    const users = this.users.map((it, index) => [String(index), `${it.username} (${it.state})`]);
    this.user = select([["", "choose …"], ...users], { onchange: () => this.fillUser() });
    this.facts = element("p", { class: "facts" });
    this.members = element("div", { class: "members" });
    this.text = element("textarea", { rows: 5, spellcheck: "false" });
    this.asText = element("input", { type: "checkbox", onchange: () => this.changeMode() });
    this.userRow = labelled("Demo user", this.user);
    this.exampleRow = labelled("Example", this.example);
    this.textRow = labelled("Body", this.text);
    this.textRow.hidden = true;
    this.modeRow = element("label", { class: "check" }, this.asText, " Write the body as text");
    this.node.append(
      element("div", { class: "pair" }, this.userRow, this.exampleRow),
      this.facts,
      labelled("Content-Type", this.type),
      this.modeRow,
      this.members,
      this.textRow,
    );
    this.showMembers();
    const first = this.examples()[0]?.value ?? {};
    const latest = Object.keys(first)
      .map((name) => [name, latestMember(this.operation.contract, name)])
      .filter(([, it]) => it);
    this.fill(values ?? { ...first, ...Object.fromEntries(latest) });
    if (values) this.example.value = "";
  }

  // The examples of this content type, or those of another one if it has none.
  examples() {
    const own = this.content.examples.length
      ? this.content
      : this.operation.contents.find((it) => it.examples.length);
    return own?.examples ?? [];
  }

  showMembers() {
    this.controls = this.content.fields.map(control);
    this.members.replaceChildren(...this.controls.map((it) => it.node));
    const names = this.controls.map((it) => it.name);
    const code = this.controls.find((it) => it.name === "token");
    // With a password or a secret, `token` is a code of MFA. Otherwise it is another token.
    if (code && ["password", "old_password", "secret"].some((name) => names.includes(name))) {
      const source = () => ({ secret: this.get("secret"), login: this.login(), token: this.credentials.token });
      code.node.append(codeButton(code, source, this.changed));
    }
    this.userRow.hidden = !this.users.some((user) => Object.keys(valuesOf(user, names)).length);
    this.example.replaceChildren(
      element("option", { value: "" }, "choose …"),
      ...this.examples().map((it, index) => element("option", { value: String(index) }, it.name)),
    );
    this.exampleRow.hidden = !this.examples().length;
    this.example.value = this.examples().length ? "0" : "";
    this.modeRow.hidden = this.content.type === MULTIPART;
  }

  changeType() {
    const values = this.values();
    this.content = this.operation.contents.find((it) => it.type === this.type.value);
    this.asText.checked = false;
    this.changeMode();
    this.showMembers();
    this.fill(values);
    this.example.value = "";
  }

  changeMode() {
    if (this.asText.checked) this.text.value = this.bodyText();
    this.members.hidden = this.asText.checked;
    this.textRow.hidden = !this.asText.checked;
    this.changed();
  }

  fill(values = {}) {
    for (const name of Object.keys(values)) {
      if (this.controls.some((it) => it.name === name)) continue;
      const extra = control({ name, types: new Set(["string"]), required: false });
      this.controls.push(extra);
      this.members.append(extra.node);
    }
    this.controls.forEach((it) => it.set(values[it.name]));
    this.text.value = this.bodyText();
    const user = userOf(this.users, this.login());
    this.user.value = user ? String(this.users.indexOf(user)) : "";
    fill(this.facts, userFacts(user));
    this.changed();
  }

  fillUser() {
    const user = this.users[this.user.value];
    const names = this.controls.map((it) => it.name);
    if (user) this.fill({ ...this.values(), token: undefined, ...valuesOf(user, names) });
    this.example.value = "";
  }

  get(name) {
    return this.controls.find((it) => it.name === name)?.get();
  }

  // The login name that the request names, or undefined.
  login() {
    const values = this.values();
    const login = values.username ?? values.email;
    return typeof login === "string" || typeof login === "number" ? String(login) : undefined;
  }

  values() {
    if (this.asText?.checked) {
      try {
        const body =
          this.content.type === FORM
            ? Object.fromEntries(new URLSearchParams(this.text.value))
            : JSON.parse(this.text.value);
        return body && typeof body === "object" ? body : {};
      } catch {
        return {};
      }
    }
    const given = this.controls.map((it) => [it.name, it.get()]).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given);
  }

  pairs() {
    const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
    return Object.entries(this.values()).map(([name, value]) => [name, text(value)]);
  }

  bodyText() {
    return this.content.type === FORM
      ? new URLSearchParams(this.pairs()).toString()
      : JSON.stringify(this.values());
  }

  body() {
    const { content, operation } = this;
    const isEmpty = !this.asText?.checked && !Object.keys(this.values()).length;
    if (!content || (isEmpty && !operation.bodyRequired)) return null;
    if (this.asText.checked) return { text: this.text.value };
    if (content.type === MULTIPART || content.type === FORM) {
      return { parts: this.pairs(), multipart: content.type === MULTIPART };
    }
    return { text: this.bodyText() };
  }

  request() {
    const { method } = this.operation;
    const body = this.body();
    const given = (place) =>
      this.parameters
        .filter((it) => it.field.place === place && it.get() !== undefined)
        .map((it) => [it.name, String(it.get())]);
    const query = given("query");
    const headers = given("header");
    const path = given("path").reduce(
      (text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(value)),
      this.operation.path,
    );
    this.credentials.add(query, headers);
    // The browser and curl write the type of a form themselves.
    if (body && !body.parts) headers.push(["Content-Type", this.content.type]);
    return { method, path, query, headers, body };
  }
}
