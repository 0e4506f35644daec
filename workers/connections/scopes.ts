const WORDS = { read: "Read", write: "Add to and change", delete: "Delete from" } as const;

/** The scopes that tools of a connection need, with the sentence of the consent page. */
export function scopesOf(name: string, title: string, used: readonly string[]): Record<string, string> {
  const kinds = (Object.keys(WORDS) as (keyof typeof WORDS)[]).filter(
    (kind) => kind === "read" || used.includes(`${name}:${kind}`),
  );
  return Object.fromEntries(kinds.map((kind) => [`${name}:${kind}`, `${WORDS[kind]} ${title}`]));
}
