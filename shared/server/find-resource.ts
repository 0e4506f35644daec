import type { Catalogue, Entry } from "./catalogue.ts";
import type { ResourceDefinition } from "./define.ts";

/** Name of the server that a resource belongs to, or `null` for an unknown URI. */
export function serverOfResource(catalogue: Catalogue, uri: string): string | null {
  return findResource(catalogue, uri)?.entry.subject.server ?? null;
}

/** A resource's entry with the variables of its URI. */
export function findResource(
  { resources, templates }: Catalogue,
  uri: string,
): { entry: Entry<ResourceDefinition>; params: Record<string, string> } | null {
  const fixed = resources.get(uri);
  if (fixed) return { entry: fixed, params: {} };
  for (const entry of templates) {
    const params = entry.matcher.match(uri);
    if (params) return { entry, params };
  }
  return null;
}
