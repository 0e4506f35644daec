import type { EntityReference } from "../../call/entity-reference.ts";
import { log } from "../../observe/log.ts";

import { toDisplayText } from "../../text/display-text.ts";

/** Limits of the names on a page: records per call, characters per label. */
const [MOST, LONGEST] = [10, 120];

/** Milliseconds that a call waits for the names; after that its page shows ids alone. */
const LOOKUP_TIMEOUT_MS = 2_000;

/**
 * Resolves the ids of a call that needs approval to names. Returns an empty list on any failure or delay,
 * because the page works without names. Secret labels are never stored.
 */
export async function nameSubjects(
  read: () => Promise<EntityReference[]>,
  tool: string,
): Promise<EntityReference[]> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("It took too long.")), LOOKUP_TIMEOUT_MS);
  try {
    const found = await Promise.race([read(), late]);
    return found
      .filter(({ classification }) => classification !== "secret")
      .slice(0, MOST)
      .map((subject) => ({ ...subject, label: toDisplayText(subject.label, LONGEST) }));
  } catch (failure) {
    log("warn", "subjects_unnamed", { name: tool, error: String(failure) });
    return [];
  } finally {
    clearTimeout(timer);
  }
}
