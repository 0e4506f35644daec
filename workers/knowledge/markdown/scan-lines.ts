/** One line of Markdown with its line end and the state of its surrounding block. */
export interface MarkdownLine {
  /** The line including its `\n`, if it has one. */
  text: string;
  /**
   * Inside a fenced code block (its fences included) or an HTML comment: never a heading, never a block
   * border.
   */
  literal: boolean;
}

interface Fence {
  character: string;
  length: number;
}

/**
 * A fence may be inside list items and quotes (CommonMark 0.31, §4.5 and §5); the info string of a backtick
 * fence has no backtick.
 */
const FENCE_OPENING = /^[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)*(?:(`{3,})[^`]*|(~{3,}).*)$/;

/**
 * Splits Markdown into lines and marks code and comments. The concatenated texts equal the input. Linear
 * time, also for hostile input.
 */
export function scanLines(markdown: string): MarkdownLine[] {
  let fence: Fence | undefined;
  let inComment = false;
  return splitLines(markdown).map((text) => {
    const line = text.trimEnd();
    if (fence) {
      if (closesFence(line, fence)) fence = undefined;
      return { text, literal: true };
    }
    if (inComment) {
      inComment = !line.includes("-->");
      return { text, literal: true };
    }
    fence = openFence(line);
    inComment = /^ {0,3}<!--/.test(line) && !line.includes("-->");
    return { text, literal: fence !== undefined || inComment };
  });
}

function splitLines(markdown: string): string[] {
  const lines: string[] = [];
  let start = 0;
  while (start < markdown.length) {
    const end = markdown.indexOf("\n", start);
    const next = end === -1 ? markdown.length : end + 1;
    lines.push(markdown.slice(start, next));
    start = next;
  }
  return lines;
}

function openFence(line: string): Fence | undefined {
  const match = FENCE_OPENING.exec(line);
  const marks = match?.[1] ?? match?.[2];
  return marks === undefined ? undefined : { character: marks.charAt(0), length: marks.length };
}

function closesFence(line: string, fence: Fence): boolean {
  const marks = line.replace(/^[\s>]+/, "");
  if (marks.length < fence.length) return false;
  for (const character of marks) if (character !== fence.character) return false;
  return true;
}
