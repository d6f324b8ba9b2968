// Makes elements. Text goes in as text, never as HTML: most of it comes from replies.

// `properties` are attributes, and listeners by their names (`onclick`). Of the children, null and false are left out.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...present(children));
  return made;
}

const present = (children) =>
  children.flat().filter((child) => child !== null && child !== undefined && child !== false);

// Replaces what an element holds.
export function fill(made, ...children) {
  made.replaceChildren(...present(children));
}

// A description from the YAML: paragraphs, lists, `code` and **strong** text.
export function prose(text = "") {
  const blocks = text.trim().split(/\n\s*\n/).filter(Boolean);
  return blocks.flatMap((block) => {
    const [first, ...items] = `\n${block}`.split(/\n\s*[-*] /);
    const list = items.map((item) => element("li", {}, spans(item)));
    const text = first.trim();
    return [text && element("p", {}, spans(text)), list.length && element("ul", {}, list)].filter(Boolean);
  });
}

// A line of a description.
export function spans(text = "") {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return element("code", {}, part.slice(1, -1));
    return part.startsWith("**") ? element("strong", {}, part.slice(2, -2)) : part;
  });
}

// A button that copies what `text()` returns.
export function copyButton(label, text) {
  const button = element("button", { type: "button", class: "quiet" }, label);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  });
  return button;
}

let controls = 0;

// A control with its label, and with a hint that screen readers read too.
export function labelled(label, control, hint) {
  controls += 1;
  control.id = `control-${controls}`;
  const children = [element("label", { for: control.id }, label), control];
  if (hint) {
    control.setAttribute("aria-describedby", `${control.id}-hint`);
    children.push(element("small", { id: `${control.id}-hint` }, hint));
  }
  return element("div", { class: "field" }, children);
}

export function select(options, properties = {}) {
  const made = options.map(([value, text]) => element("option", { value }, text));
  return element("select", properties, made);
}
