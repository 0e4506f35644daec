import { canonicalize, digestText } from "../../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../../shared/encoding/json.ts";
import type { OpenedApproval } from "../../approvals/open-approval.ts";

/** A request of a group, with the arguments in which it differs from most of the others. */
export interface GroupedRequest {
  opened: OpenedApproval;
  /** Names of arguments, in their order. */
  differs: string[];
}

/** Requests of one person through one app for one tool, for the same reason. */
export interface RequestGroup {
  /** Names the group in an address. */
  key: string;
  requests: GroupedRequest[];
}

/** Share of a group from which a value counts as the usual one. Ids of records have none. */
const USUAL = 0.5;

/** Puts alike requests together, in the order of their first ones, and finds those that differ from the others. */
export function groupRequests(requests: readonly OpenedApproval[]): RequestGroup[] {
  const groups = Map.groupBy(requests, ({ item: { requester, reason, binding } }) =>
    digestText(canonicalize([requester, binding.clientId, binding.tool, binding.rule, reason])).slice(0, 16),
  );
  return [...groups].map(([key, own]) => {
    const usual = findUsual(own.map(({ values }) => values ?? {}));
    return {
      key,
      requests: own.map((opened) => ({ opened, differs: listDifferences(opened.values ?? {}, usual) })),
    };
  });
}

/** By argument, the value that more than half of these have; an argument that most leave out has `null`. */
function findUsual(values: readonly Record<string, JsonValue>[]): Map<string, string | null> {
  const names = new Set(values.flatMap((one) => Object.keys(one)));
  const usual = new Map<string, string | null>();
  for (const name of names) {
    const counts = new Map<string | null, number>();
    for (const one of values) {
      const text = readText(one, name);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    for (const [text, count] of counts) if (count > values.length * USUAL && count > 1) usual.set(name, text);
  }
  return usual;
}

function listDifferences(
  values: Record<string, JsonValue>,
  usual: ReadonlyMap<string, string | null>,
): string[] {
  return [...usual].flatMap(([name, text]) => (readText(values, name) === text ? [] : [name]));
}

function readText(values: Record<string, JsonValue>, name: string): string | null {
  const value = values[name];
  return value === undefined ? null : canonicalize(value);
}
