/**
 * What may stand at the cursor of a policy in YAML. Plain functions without a page, so that tests run them: `suggest(text,
 * cursor, schema, names)` gives the beginning that is typed, and the keys or values that the schema has there.
 */
export const SUGGEST_SCRIPT = `"use strict";
const KEY_LINE = /^(\\s*)((?:- +)*)("?[^\\s"#:{}\\[\\],][^":{}\\[\\],]*"?):(?:\\s|$)/;
const bare = (text) => text.trim().replace(/^["']|["']$/g, "");

/** Keys above a line, from the outermost: those of lines that are indented less and less. */
function keysAbove(lines, limit) {
  const path = [];
  for (let index = lines.length - 1; index >= 0 && limit > 0; index--) {
    const found = KEY_LINE.exec(lines[index]);
    if (found === null) continue;
    const [, indent, dashes, key] = found;
    const column = indent.length + dashes.length;
    if (column >= limit) continue;
    path.unshift(bare(key));
    // The key of a list's item: the list's own key may stand as far left as its dash.
    limit = dashes === "" ? column : indent.length + 1;
  }
  return path;
}

/** Where the cursor is: the keys that lead there, whether a key or a value is typed, and what of it is there. */
function placeOf(text, cursor) {
  const lines = text.slice(0, cursor).split("\\n");
  const [, indent, dashes, rest] = /^(\\s*)((?:- +)*)(.*)$/.exec(lines.pop());
  if (/(^|\\s)#/.test(rest)) return null;
  const column = indent.length + dashes.length;
  const path = keysAbove(lines, dashes === "" ? column : indent.length + 1);
  const open = [];
  let [position, typed] = ["start", ""];
  for (const sign of rest) {
    const inside = open.at(-1);
    if (sign === "{" || sign === "[") {
      open.push(sign);
      [position, typed] = [sign === "{" ? "key" : "value", ""];
    } else if (sign === "}" || sign === "]") {
      if (sign === "}" && position === "value") path.pop();
      open.pop();
      [position, typed] = ["end", ""];
    } else if (sign === ",") {
      if (inside === "{" && position !== "key") path.pop();
      [position, typed] = [inside === "{" ? "key" : "value", ""];
    } else if (sign === ":" && position !== "value" && position !== "end") {
      path.push(bare(typed));
      [position, typed] = ["value", ""];
    } else typed += sign;
  }
  if (position === "end") return null;
  typed = typed.replace(/^\\s+/, "").replace(/^["']/, "");
  return { path, position, typed, isItem: dashes !== "" };
}

/** The schemas that a schema stands for. */
function branches(schema) {
  if (schema === null || typeof schema !== "object") return [];
  const others = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...others.flatMap(branches)];
}

/** The schemas at the end of a path. A list stands for its items. */
function schemasAt(root, path) {
  const items = (schema) => branches(schema).flatMap((one) => (one.items ? [one, ...items(one.items)] : [one]));
  let found = items(root);
  for (const key of path) {
    found = found.flatMap((one) => {
      const next = Object.hasOwn(one.properties ?? {}, key) ? one.properties[key] : one.additionalProperties;
      return next ? items(next) : [];
    });
  }
  return found;
}

function suggest(text, cursor, schema, names) {
  const place = placeOf(text, cursor);
  if (place === null) return { typed: "", options: [] };
  const { path, position, typed } = place;
  const found = schemasAt(schema, path);
  const options = new Map();
  const add = (value, about, insert) => {
    if (value.toLowerCase().startsWith(typed.toLowerCase()) && value !== typed && !options.has(value))
      options.set(value, { value, about: about ?? "", insert: insert ?? value });
  };
  if (position !== "value") {
    for (const one of found)
      for (const [key, { description }] of Object.entries(one.properties ?? {})) add(key, description, key + ": ");
    for (const key of names.keys[path.join(".")] ?? []) add(key, "", key + ":");
  }
  if (position === "value" || (position === "start" && place.isItem)) {
    for (const { enum: values, const: value, type } of found) {
      for (const one of [...(values ?? []), ...(value === undefined ? [] : [value])]) add(String(one));
      if (type === "boolean") for (const one of ["true", "false"]) add(one);
    }
    for (const one of names.values[path.at(-1)] ?? []) add(one);
  }
  return { typed, options: [...options.values()].slice(0, 60) };
}
`;

/** `once(load)`: what a load gave, for every caller. One that failed is forgotten, so that the next caller loads again. */
export const LOADER_SCRIPT = `
function once(load) {
  let known;
  return () => (known ??= load().catch((failure) => { known = undefined; throw failure; }));
}
`;

/**
 * The script of the policy's editor: a list below the text, by Ctrl and the space bar and while one types, chosen with arrows
 * and Enter or a click. Without it the page is as it is: a text that is saved and checked.
 */
export const EDITOR_SCRIPT = `${SUGGEST_SCRIPT}${LOADER_SCRIPT}
for (const area of document.querySelectorAll("textarea[data-completion]")) {
  const list = document.getElementById("completions");
  document.getElementById("completion-help").hidden = false;
  let [shown, chosen] = [{ typed: "", options: [] }, -1];
  const load = once(async () => {
    const answer = await fetch(area.dataset.completion, { credentials: "same-origin" });
    if (!answer.ok) throw new Error("Status " + answer.status);
    return await answer.json();
  });
  const close = () => {
    [list.hidden, chosen] = [true, -1];
    list.replaceChildren();
    area.setAttribute("aria-expanded", "false");
    area.removeAttribute("aria-activedescendant");
  };
  const mark = (index) => {
    chosen = index;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    const item = list.children[index];
    if (item === undefined) return area.removeAttribute("aria-activedescendant");
    area.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  };
  const insert = (index) => {
    const option = shown.options[index];
    area.focus();
    area.setRangeText(option.insert, area.selectionStart - shown.typed.length, area.selectionStart, "end");
    close();
  };
  const open = async (asked) => {
    const { schema, names } = await load();
    if (area.selectionStart !== area.selectionEnd) return close();
    shown = suggest(area.value, area.selectionStart, schema, names);
    if (shown.options.length === 0 || (!asked && shown.typed === "")) return close();
    list.replaceChildren(...shown.options.map(({ value, about }, index) => {
      const [item, code, note] = ["div", "code", "span"].map((name) => document.createElement(name));
      [item.id, code.textContent, note.textContent] = ["completion-" + index, value, about];
      item.setAttribute("role", "option");
      item.append(code, " ", note);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); insert(index); });
      return item;
    }));
    list.hidden = false;
    area.setAttribute("aria-expanded", "true");
    mark(asked ? 0 : -1);
  };
  area.addEventListener("focus", () => void load().catch(close), { once: true });
  area.addEventListener("input", () => void open(false).catch(close));
  area.addEventListener("blur", close);
  area.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === " ") {
      event.preventDefault();
      return void open(true).catch(close);
    }
    if (list.hidden) return;
    const last = shown.options.length - 1;
    if (event.key === "ArrowDown") mark(chosen >= last ? 0 : chosen + 1);
    else if (event.key === "ArrowUp") mark(chosen <= 0 ? last : chosen - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) insert(chosen);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
}
`;

/** Of the editor's page: our script alone runs, and asks us alone. */
export const EDITOR_PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
