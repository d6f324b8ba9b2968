// Makes elements. Text goes in as text, never as HTML: most of it comes from replies.

// `properties` are attributes, and listeners by their names (`onclick`). Of the children, null and false are left out.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// A description from the YAML: paragraphs, lists, and code between backticks.
export function prose(text = "") {
  return text.trim().split(/\n\s*\n/).filter(Boolean).flatMap((block) => {
    const [first, ...items] = ("\n" + block).split(/\n\s*[-*] /);
    const parts = [];
    if (first.trim()) parts.push(element("p", {}, ...spans(first.trim())));
    if (items.length) parts.push(element("ul", {}, items.map((item) => element("li", {}, ...spans(item)))));
    return parts;
  });
}

function spans(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

// A button that copies what `text()` returns.
export function copyButton(label, text) {
  const button = element("button", { type: "button", class: "quiet" }, label);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
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
  return element("select", properties, options.map(([value, text]) => element("option", { value }, text)));
}
