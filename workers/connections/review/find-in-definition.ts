import type { Definition } from "../../../shared/connections/definitions.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { findInstructions, type Match } from "./find-instructions.ts";

/** A suspicion about a definition. */
export interface Finding extends Match {
  /** Where in the definition, such as `inputSchema.properties.note.description`. */
  path: string;
}

/** Texts of one definition that are looked at. */
const MOST_TEXTS = 5_000;

/** What in a definition reads like orders to a model or hides text, at most ten. */
export function findInDefinition(definition: Definition): Finding[] {
  const texts: { path: string; text: string }[] = [];
  const visit = (value: JsonValue, path: string) => {
    if (texts.length >= MOST_TEXTS) return;
    if (typeof value === "string") texts.push({ path, text: value });
    else if (Array.isArray(value))
      for (const [index, inner] of value.entries()) visit(inner, `${path}[${index}]`);
    else if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        // Names of properties reach the model as well.
        texts.push({ path: `${path}.${name} (name)`, text: name.replace(/[_-]+/g, " ") });
        visit(inner, path === "" ? name : `${path}.${name}`);
      }
    }
  };
  visit(definition as unknown as JsonValue, "");
  const hidden = Number(definition.hidden ?? 0);
  const unseen = hidden > 0 ? [{ path: "", rule: "hides text", excerpt: `${hidden} hidden characters` }] : [];
  const found = texts.flatMap(({ path, text }) =>
    findInstructions(text, "definition", definition.name).map((match) => ({ path, ...match })),
  );
  return [...unseen, ...found].slice(0, 10);
}
