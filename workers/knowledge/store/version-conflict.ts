import { ToolError } from "../../../shared/call/tool-error.ts";
import type { Article } from "./rows.ts";

/** The error for a write based on an older version; it names both versions. */
export function staleVersion(slug: string, expected: number, current: Article): ToolError {
  return new ToolError(
    "conflict",
    `You changed version ${expected} of "${slug}", but it is at version ${current.version} now (by ${current.updatedBy}).`,
    {
      suggestedAction: `Fetch the article again, apply the change to version ${current.version}, and retry.`,
    },
  );
}

/** Whether a change leaves an article unchanged. */
export function isSame(
  next: { title: string; body: string; tags: readonly string[] },
  current: Article,
): boolean {
  return (
    next.title === current.title &&
    next.body === current.body &&
    next.tags.length === current.tags.length &&
    next.tags.every((tag, index) => tag === current.tags[index])
  );
}
