/** Half of a surrogate pair without its other half: no character, and no UTF-8 can hold it (Unicode 17, D75). */
const HALVES = /\p{Surrogate}/gu;

/** Whether every text of a JSON value, names included, is made of whole characters. */
export function isWellFormed(value: unknown): boolean {
  return findHalfCharacter(value) === null;
}

/** Where a JSON value holds half a character, as a path such as `arguments.name`; `null` when nowhere. */
export function findHalfCharacter(root: unknown): string | null {
  // A list in place of recursion, so that hostile nesting cannot exhaust the stack.
  const waiting: { value: unknown; path: string }[] = [{ value: root, path: "" }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, path } = next;
    if (typeof value === "string" && !value.isWellFormed()) return path;
    if (typeof value !== "object" || value === null) continue;
    for (const [name, member] of Object.entries(value)) {
      if (!name.isWellFormed()) return path;
      waiting.push({ value: member, path: path === "" ? name : `${path}.${name}` });
    }
  }
  return null;
}

/** The beginning of a text, at most `length` UTF-16 units, that ends with a whole character. */
export function cutText(text: string, length: number): string {
  return dropHalves(text.slice(0, length));
}

/** A text without halves of characters, which only a cut can have left in it: what comes in is checked. */
export function dropHalves(text: string): string {
  return text.isWellFormed() ? text : text.replace(HALVES, "");
}
