/** One pattern of a list, with its place in the list. */
export interface GlobMatch {
  glob: string;
  index: number;
}

/**
 * Compiles a list of globs to a function that gives the first that fits a whole name, or `null`. `*` stands for any
 * run of characters, also none; everything else is literal and case counts. Linear in the name's length for every
 * pattern: no regular expression is built, so none can backtrack.
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

/** Whether the literal parts between the asterisks occur in order. The leftmost place for each is always right. */
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
