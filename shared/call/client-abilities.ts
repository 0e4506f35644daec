/**
 * Elicitation modes that a client declares. An empty `elicitation: {}` means form mode, as before URL mode
 * existed.
 */
export function elicitsOf(abilities: ClientAbilities | undefined): { form: boolean; url: boolean } {
  const { elicitation } = abilities ?? {};
  if (typeof elicitation !== "object" || elicitation === null) return { form: false, url: false };
  const [form, url] = ["form" in elicitation, "url" in elicitation];
  return { form: form || !url, url };
}

/** What a client can be asked, from its declared capabilities. */
export interface ClientAbilities {
  elicitation?: unknown;
  sampling?: unknown;
  roots?: unknown;
  extensions?: unknown;
}
