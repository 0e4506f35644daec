import type { Paging } from "../../../shared/connections/operations.ts";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import { type Answer, membersOf, tryPart, typeOf } from "./describe-answer.ts";
import type { FlatArgument } from "./flatten-arguments.ts";
import type { Part } from "./local-references.ts";

const PAGE = /^(?:page|page_?(?:number|num|index|no)|pageNum|p)$/i;
const OFFSET = /^(?:offset|start_?at|skip|start_?index|startRow|start|sysparm_offset|from_?record)$/i;
const SIZE =
  /^(?:per_?page|page_?size|limit|max_?results?|count|size|top|max_?items|results_?per_?page|sysparm_limit|records_?per_?page)$/i;
const LAST = /^starting_after$/i;
const CURSOR =
  /^(?:cursor|next_?cursor|page_?(?:token|cursor)|next_?(?:page_?)?token|after|continuation_?token|continue|marker|start_?cursor|bookmark|next|skip_?token|page_after)$/i;

/** Where an answer holds what the next page is asked with, most exact first. */
const NEXT_CURSOR = [
  /^next_?page_?token$/i,
  /^next_?(?:cursor|token)$/i,
  /^(?:end_?cursor|cursor|continuation_?token|continue|next_?marker|bookmark|skip_?token|after|offset|next_?page|next)$/i,
];
const NEXT_ADDRESS =
  /^(?:@odata\.nextLink|nextLink|next_?(?:page_?)?(?:url|uri|link|href)|nextRecordsUrl|next_page|next)$/i;

/** Members that hold what belongs to paging. */
const HOLDERS =
  /^(?:next_page|paging|pagination|meta|metadata|_metadata|response_?metadata|page_?info|cursors?|links?|_links|next|list_?metadata|data|result)$/i;

/** How an operation of a list gives its next page; `undefined` if the document does not say. */
export function findPaging(
  document: Part,
  answer: Answer,
  list: string | undefined,
  given: readonly FlatArgument[],
): Paging | undefined {
  if (list === undefined) return undefined;
  const asked = given.filter(({ argument }) => argument.in === "query" || argument.in === "body");
  const keyOf = (pattern: RegExp, isText?: boolean) =>
    asked.find(
      ({ argument, schema }) =>
        pattern.test(bare(argument.key)) && (isText === undefined || isText === takesText(schema)),
    )?.argument;
  const size = keyOf(SIZE)?.key;
  const last = keyOf(LAST);
  if (last?.in === "query") return { style: "last", key: last.key, field: "id", more: "has_more" };
  const cursor = keyOf(CURSOR, true) ?? keyOf(OFFSET, true);
  if (cursor !== undefined && (cursor.in === "query" || cursor.in === "body")) {
    const next = findNext(document, answer.schema, (name) =>
      NEXT_CURSOR.findIndex((pattern) => pattern.test(name)),
    );
    if (next !== undefined) return { style: "cursor", key: cursor.key, next, in: cursor.in };
  }
  const hasLinkHeader = answer.headers.some((name) => /^link$/i.test(name));
  if (hasLinkHeader) return { style: "link" };
  const page = keyOf(PAGE, false);
  if (page?.in === "query") return { style: "page", key: page.key, first: 1, ...(size && { size }) };
  const offset = keyOf(OFFSET, false);
  if (offset !== undefined && (offset.in === "query" || offset.in === "body"))
    return { style: "offset", key: offset.key, in: offset.in, ...(size && { size }) };
  const address = findNext(document, answer.schema, (name) => (NEXT_ADDRESS.test(name) ? 0 : -1));
  return address === undefined ? undefined : { style: "address", next: address };
}

/** `page[cursor]` and `$skip` without what frames them. */
function bare(key: string): string {
  return key
    .replace(/^\$|^sysparm\b/, (found) => (found === "$" ? "" : found))
    .replace(/^page\[(\w+)\]$/, "$1");
}

/** The best member of the answer or of what holds its paging: a dotted path. */
function findNext(
  document: Part,
  schema: Part | null,
  rank: (name: string) => number,
  level = 0,
): string | undefined {
  if (schema === null || level > 2) return undefined;
  const members = membersOf(document, schema);
  const found = Object.keys(members)
    .map((name) => ({ name, rank: rank(name), inner: tryPart(document, members[name]) }))
    .filter((one) => one.rank >= 0 && !isObject(document, one.inner))
    .sort((one, other) => one.rank - other.rank)[0];
  if (found !== undefined) return found.name;
  for (const [name, member] of Object.entries(members)) {
    if (!HOLDERS.test(name)) continue;
    const inner = findNext(document, tryPart(document, member), rank, level + 1);
    if (inner !== undefined) return `${name}.${inner}`;
  }
  return undefined;
}

function isObject(document: Part, schema: Part | null): boolean {
  return schema !== null && Object.keys(membersOf(document, schema)).length > 0;
}

/** A number counts rows or pages; text is what the other system made. */
function takesText(schema: FlatArgument["schema"]): boolean {
  const type = isRecord(schema) ? typeOf(schema as Part) : undefined;
  return type !== "integer" && type !== "number";
}
