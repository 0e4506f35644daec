/** A lone surrogate: not a character, and not encodable in UTF-8 (Unicode 17, D75). */
const HALVES = /\p{Surrogate}/gu;

/** Whether every string of a JSON value, names included, is well-formed. */
export function isWellFormed(value: unknown): boolean {
  return findHalfCharacter(value) === null;
}

/** Path of the first lone surrogate in a JSON value, such as `arguments.name`; `null` if there is none. */
export function findHalfCharacter(root: unknown): string | null {
  // Iterative, so that hostile nesting cannot exhaust the stack.
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

/** The beginning of a text, at most `length` UTF-16 units, without splitting a character. */
export function cutText(text: string, length: number): string {
  return dropHalves(text.slice(0, length));
}

/** Removes lone surrogates, which only truncation can leave: input is checked. */
export function dropHalves(text: string): string {
  return text.isWellFormed() ? text : text.replace(HALVES, "");
}
