import { structuredPatch } from "diff";
import { ToolError } from "../../shared/call/tool-error.ts";

/** A text at one version. */
interface VersionText {
  version: number;
  title: string;
  body: string;
  tags: readonly string[];
}

/** Maximum length of a comparison, in characters, and maximum changed lines. */
const MAX_DIFF = 15_000;
const MAX_EDITS = 2_000;

/**
 * Differences between two versions, as a unified diff of their lines (Myers 1986), preceded by title and tags
 * so that their changes show too. Empty without differences. Throws `result_too_large` when the texts have
 * almost no line in common.
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
