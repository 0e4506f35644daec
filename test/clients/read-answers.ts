/** The structured answer of a tool. Throws with the tool's own words when it failed. */
export function readStructured(result: Record<string, unknown>): Record<string, unknown> {
  if (result.isError === true || typeof result.structuredContent !== "object") {
    throw new Error(`The tool failed: ${JSON.stringify(result.content)}`);
  }
  return result.structuredContent as Record<string, unknown>;
}

/** The text of a resource's first part. */
export function readText(contents: readonly object[]): string {
  const [first] = contents as { text?: string }[];
  if (first?.text === undefined) throw new Error("The resource has no text.");
  return first.text;
}

/** The text of a prompt's first message. */
export function readFirstMessage({ messages }: { messages?: unknown }): string {
  const [first] = (messages ?? []) as { content: { text?: string } }[];
  if (first?.content.text === undefined) throw new Error("The prompt has no text.");
  return first.content.text;
}
