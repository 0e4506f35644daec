import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";

/** What of an operation a selection looks at. */
export interface Selectable {
  tags: readonly string[];
  path: string;
  /** Lower case. */
  method: string;
  operationId: string;
}

/** Whether the entry makes a tool of an operation. */
export function isSelected({ select, except, operations }: OpenapiEntry, one: Selectable): boolean {
  if (operations[one.operationId]?.off === true) return false;
  return (select === undefined || fits(select, one)) && !(except !== undefined && fits(except, one));
}

function fits(
  { tags, paths, methods, operations }: NonNullable<OpenapiEntry["select"]>,
  one: Selectable,
): boolean {
  return (
    (tags === undefined || tags.some((glob) => one.tags.some((tag) => matches(glob, tag)))) &&
    (paths === undefined || paths.some((glob) => matches(glob, one.path, true))) &&
    (methods === undefined || methods.some((method) => method === one.method)) &&
    (operations === undefined || operations.some((glob) => matches(glob, one.operationId)))
  );
}

/** `*` is any text; in a path it is one segment, and `**` any number. */
function matches(glob: string, text: string, inPath = false): boolean {
  const parts = glob.split(/(\*+)/).map((part) => {
    if (!part.startsWith("*")) return part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&");
    return inPath && part === "*" ? "[^/]*" : ".*";
  });
  return new RegExp(`^${parts.join("")}$`, "is").test(text);
}
