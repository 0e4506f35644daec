import { tokenize } from "./tokenize.ts";

/**
 * A word that the index reduces to this stem, if one is found: `hous` itself would become `hou`, `house`
 * becomes `hous`.
 */
export function spellStem(stem: string): string | undefined {
  return ["", "e", "s", "ing"].map((ending) => stem + ending).find((word) => tokenize(word)[0] === stem);
}
