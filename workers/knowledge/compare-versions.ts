import { structuredPatch } from "diff";
import { ToolError } from "../../shared/call/tool-error.ts";

/** A text at one version. */
interface VersionText {
  version: number;
  title: string;
  body: string;
  tags: readonly string[];
}

/** Longest comparison that is returned, in characters, and longest that is looked for, in changed lines. */
const MAX_DIFF = 15_000;
const MAX_EDITS = 2_000;

/**
 * What changed between two versions, as a unified diff of their lines (Myers 1986) with title and tags on top, so that
 * they show as well. Empty when nothing did. Throws `result_too_large` when the texts have hardly a line in common.
 */
export function compareVersions(from: VersionText, to: VersionText): string {
  const names = [`version ${from.version}`, `version ${to.version}`] as const;
  const options = { context: 2, maxEditLength: MAX_EDITS };
  const patch = structuredPatch(...names, layOut(from), layOut(to), undefined, undefined, options);
  const text = patch?.hunks
    .flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
      `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
      ...lines,
    ])
    .join("\n");
  if (text !== undefined && text.length <= MAX_DIFF) return text;
  throw new ToolError(
    "result_too_large",
    `The versions ${from.version} and ${to.version} differ too much to compare.`,
    {
      suggestedAction: "Read each with fetch and its version.",
    },
  );
}

function layOut({ title, tags, body }: VersionText): string {
  return `title: ${title}\ntags: ${tags.join(", ")}\n\n${body.endsWith("\n") ? body : `${body}\n`}`;
}
