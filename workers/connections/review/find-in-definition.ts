import type { Definition } from "../../../shared/connections/definitions.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { findCues } from "./find-cues.ts";
import { findInstructions, type Match } from "./find-instructions.ts";

/** A suspicion about a definition. */
export interface Finding extends Match {
  /** Where in the definition, such as `inputSchema.properties.note.description`. */
  path: string;
}

/** A word that is written like the name of a tool. */
const NAME = /\b[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)+\b/g;

/** Texts of one definition that are looked at. */
const MOST_TEXTS = 5_000;

/**
 * What in a definition reads like orders to a model, hides text, or speaks of tools of other servers; at most ten.
 *
 * @param others - names of tools that other servers offer, or have at their own
 */
export function findInDefinition(definition: Definition, others: ReadonlySet<string> = new Set()): Finding[] {
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
  const found = texts.flatMap(({ path, text }) => {
    const matches = findInstructions(text, "definition", definition.name);
    const known = new Set(matches.map(({ rule }) => rule));
    const cues = path.endsWith("description") ? findCues(text).filter(({ rule }) => !known.has(rule)) : [];
    return [...matches, ...cues].map((match) => ({ path, ...match }));
  });
  const foreign = texts.flatMap(({ path, text }) => {
    if (!path.endsWith("description")) return [];
    const named = (text.match(NAME) ?? []).find((word) => others.has(word) && word !== definition.name);
    return named === undefined ? [] : [{ path, rule: "names a tool of another server", excerpt: named }];
  });
  return [...unseen, ...found, ...foreign].slice(0, 10);
}
