/** A matching pattern with its index in the list. */
export interface GlobMatch {
  glob: string;
  index: number;
}

/**
 * Compiles a list of globs to a function that returns the first match of a whole name, or `null`. `*` matches
 * any number of characters; everything else is literal and case-sensitive. Linear in the name's length: no
 * regular expression is built, so nothing backtracks.
 */
export function compileGlobs(globs: readonly string[]): (name: string) => GlobMatch | null {
  const exact = new Map<string, number>();
  const patterns: { parts: readonly string[]; index: number }[] = [];
  for (const [index, glob] of globs.entries()) {
    if (glob.includes("*")) patterns.push({ parts: glob.split("*"), index });
    else if (!exact.has(glob)) exact.set(glob, index);
  }
  const at = (index: number): GlobMatch => ({ glob: globs[index] as string, index });
  return (name) => {
    const literal = exact.get(name);
    const pattern = patterns.find(({ parts }) => fits(parts, name));
    if (literal === undefined) return pattern === undefined ? null : at(pattern.index);
    return at(pattern === undefined ? literal : Math.min(literal, pattern.index));
  };
}

/**
 * Whether the literal parts between the asterisks occur in order. The leftmost match of each is always
 * correct.
 */
function fits(parts: readonly string[], name: string): boolean {
  const first = parts[0] as string;
  const last = parts.at(-1) as string;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false;
  const end = name.length - last.length;
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, position);
    if (found === -1 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
}
