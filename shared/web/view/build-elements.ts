/** Properties of an element: attributes, and listeners by event name. */
interface Properties {
  [name: string]: string | number | boolean | undefined | ((event: Event) => void);
}

/**
 * Creates an HTML element. Text is never parsed as HTML. A function becomes a listener of the event it is
 * named for, `true` an empty attribute; `false` and `undefined` omit the attribute.
 */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== undefined && value !== false) made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

/** A table with a heading row; numbers are aligned right. `null` is an empty cell. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
  write: (value: number, column: number) => string,
): HTMLTableElement {
  const cells = (row: readonly (string | number | null)[]) =>
    row.map((value, column) =>
      typeof value === "number"
        ? element("td", { class: "number" }, write(value, column))
        : element("td", {}, value ?? ""),
    );
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row)))),
  );
}
