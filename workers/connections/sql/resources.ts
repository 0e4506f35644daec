import { ToolError } from "../../../shared/call/tool-error.ts";
import { type CallContext, defineResource, type ResourceDefinition } from "../../../shared/server/define.ts";
import type { CatalogueLimits } from "../ask-connection.ts";
import { describeTable } from "./describe-catalogue.ts";
import type { SqlEntry, SqlHandle } from "./handle.ts";

/** Milliseconds for a look at the catalogue, which usually is in memory. */
const LOOK_MS = 10_000;

/** The tables of an SQL connection as resources: `<connection>://schema/{table}`. */
export function sqlResources(name: string, { title }: SqlEntry): ResourceDefinition[] {
  const uriOf = (table: string) => `${name}://schema/${encodeURIComponent(table)}`;
  const namesOf = async (context: CallContext<SqlHandle>) =>
    (await context.store.catalogue(limitsOf(context))).map((table) => `${table.schema}.${table.name}`);
  return [
    defineResource<SqlHandle>({
      name: `${name}_schema`,
      title: `Tables of ${title}`,
      description: "Columns, keys and comments of one table.",
      uriTemplate: `${name}://schema/{table}`,
      mimeType: "application/json",
      scope: `${name}:read`,
      async list(context) {
        return (await namesOf(context)).slice(0, 1_000).map((table) => ({ uri: uriOf(table), name: table }));
      },
      complete: {
        table: async (value, context) =>
          (await namesOf(context)).filter((table) => table.toLowerCase().includes(value.toLowerCase())),
      },
      async read({ uri, params }, context) {
        const tables = await context.store.catalogue(limitsOf(context));
        const found = tables.find((table) => `${table.schema}.${table.name}` === params.table);
        if (found === undefined) throw new ToolError("not_found", `There is no table "${params.table}".`);
        const text = JSON.stringify(describeTable(found, context.store));
        return [{ uri, mimeType: "application/json", text }];
      },
    }) as ResourceDefinition,
  ];
}

function limitsOf({ signal, fromCache }: CallContext<SqlHandle>): CatalogueLimits {
  return { signal, fromCache, timeLeft: () => LOOK_MS };
}
