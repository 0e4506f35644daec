/** Nesting of one message. Deeper input is refused before any schema walks it. */
export const MAX_DEPTH = 64;

/** Walks level by level, so that hostile nesting cannot exhaust the stack. */
export function isDeeperThan(root: object, limit: number): boolean {
  let level: unknown[] = [root];
  for (let depth = 0; depth < limit; depth += 1) {
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}
