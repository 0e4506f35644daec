import type { ODataService } from "./read-metadata.ts";

const names = new WeakMap<ODataService, ReadonlyMap<string, string>>();

/** The name of a type as a component, which has no dots (references are paths): another one for each type. */
export function schemaName(service: ODataService, name: string): string {
  const known = names.get(service) ?? nameSchemas(service.types.keys());
  names.set(service, known);
  return known.get(name) ?? name;
}

function nameSchemas(types: Iterable<string>): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const found = new Map<string, string>();
  for (const name of types) {
    const plain = name.replace(/[^A-Za-z0-9_]/g, "_");
    let own = plain;
    for (let number = 2; taken.has(own); number += 1) own = `${plain}_${number}`;
    taken.add(own);
    found.set(name, own);
  }
  return found;
}
