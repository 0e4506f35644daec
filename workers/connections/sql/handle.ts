import type { CachedAnswer } from "../../../shared/call/cached-answer.ts";
import type { MaskRules, Treatment } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ClickhouseEntry } from "../../../shared/connections/kinds/clickhouse.ts";
import type { CacheRule, CallerField } from "../../../shared/connections/kinds/common.ts";
import type { MysqlEntry } from "../../../shared/connections/kinds/mysql.ts";
import type { OracleEntry } from "../../../shared/connections/kinds/oracle.ts";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
import { type NamedQuery, parametersOf } from "../../../shared/connections/kinds/sql.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { WriteKey } from "../../../shared/objects/connection-gate.ts";
import { maskValue } from "../../../shared/redact/mask-value.ts";
import {
  askConnection,
  type CallLimits,
  type CatalogueLimits,
  type OperationCache,
  type ReadLimits,
  toError,
} from "../ask-connection.ts";
import { rememberCatalogue } from "../catalogue-memory.ts";
import { judgeOf } from "../judge/judges.ts";
import type { JudgedStatement, StatementRules } from "../judge/statement.ts";
import { findKeyRefusal, writeKeyOf } from "../write-keys.ts";
import { hasJudgedColumns } from "./check-columns.ts";
import { ColumnSight } from "./column-sight.ts";
import { placeOfHyperdrive } from "./hyperdrive.ts";
import type { AnsweredRows, CatalogueTable } from "./operation.ts";
import { searchPathOf, statementRules, writeSearchPath } from "./statement-rules.ts";

/** An entry of an SQL database. */
export type SqlEntry = PostgresqlEntry | MysqlEntry | ClickhouseEntry | OracleEntry;

/** How a statement of each dialect writes its parameters. */
export const PLACEHOLDERS: Readonly<Record<SqlEntry["kind"], string>> = {
  postgresql: "$1, $2",
  mysql: "?",
  clickhouse: "{p1:Int64}, {p2:String}",
  oracle: ":p1, :p2",
};

/** Kinds whose results do not say which column of a table a column comes from. */
const WITHOUT_ORIGIN: readonly SqlEntry["kind"][] = ["clickhouse", "oracle"];

/** An SQL connection as one call uses it. */
export interface SqlCall {
  env: Env;
  name: string;
  revision: string;
  entry: SqlEntry;
  principal: PrincipalIdentity;
  masks: MaskRules;
}

/** An SQL connection, opened for one call: everything that it does goes through the rules of its caller. */
export class SqlHandle {
  readonly #call: SqlCall;
  /** Read once a call: the statement is judged by the tables whose schema it is then run in. */
  #known: Promise<{ tables: readonly CatalogueTable[]; cached: CachedAnswer | null }> | null = null;
  /** By the tables of `#known`. */
  #sight: ColumnSight | null = null;

  constructor(call: SqlCall) {
    this.#call = call;
  }

  /** The tables that the connection exposes, as the database describes them; some minutes old at most, which the call is told. */
  async catalogue(call: CatalogueLimits): Promise<readonly CatalogueTable[]> {
    await this.#sightOf(call);
    return await this.#tables(call, (cached) => call.fromCache(cached));
  }

  /** Whether the caller's role may not see a column of the catalogue, by `schema.table.column`. */
  isHidden(column: string): boolean {
    if (this.#sight === null) throw new Error("The catalogue decides what is hidden; read it first.");
    return this.#sight.isHidden(column);
  }

  /** Runs a statement that the caller wrote: one that only reads what its role may see. */
  async query(
    sql: string,
    values: readonly JsonValue[],
    rows: number,
    limits: ReadLimits,
  ): Promise<AnsweredRows> {
    const judged = await this.#judge(sql, values, limits);
    const cache = this.#cacheOf(this.#call.entry.cache, "query", limits);
    const answer = await this.#run("query", sql, values, { rows, cache }, limits);
    this.#requireJudged(answer, judged);
    const leaked = answer.columns.find(({ origin }) => origin !== null && this.isHidden(origin));
    // The judge has refused every reference; this wall does not depend on it.
    if (leaked) throw new ToolError("forbidden", `Your role may not see the column ${leaked.origin}.`);
    return answer;
  }

  /** The plan of a statement that the caller wrote. */
  async explain(sql: string, values: readonly JsonValue[], limits: CallLimits): Promise<AnsweredRows> {
    await this.#judge(sql, values, limits);
    const { rows } = this.#call.entry.limits;
    return await this.#run("explain", sql, values, { rows }, limits);
  }

  /**
   * Runs a statement that the company wrote. Columns that the role may not see are masked by their origin.
   *
   * @param query - its name
   * @param once - for a write that its caller names by a key
   */
  async runNamed(
    query: string,
    { sql, effect, cache: rule }: NamedQuery,
    values: readonly JsonValue[],
    limits: ReadLimits,
    once?: WriteKey,
  ): Promise<AnsweredRows> {
    const operation = effect === "read" ? "query" : "write";
    // The role must be allowed to write such a statement itself. One that writes gives no rows.
    const isJudged = operation === "query" && this.#lacksOrigin();
    const judged = isJudged ? await this.#judge(sql, values, limits) : null;
    const { rows: most } = this.#call.entry.limits;
    const cache = effect === "read" ? this.#cacheOf(rule, `named ${query}`, limits) : undefined;
    const answer = await this.#run(operation, sql, values, { rows: most, cache, once }, limits);
    if (judged !== null) this.#requireJudged(answer, judged);
    const sight = await this.#sightOf(limits);
    const isComputed = judged === null && answer.columns.some(({ origin }) => origin === null);
    const computed = isComputed ? await this.#treatmentOfComputed(sql, values, sight, limits) : "show";
    const treatments = answer.columns.map(({ origin }) =>
      origin === null ? computed : sight.treatmentOf(origin),
    );
    const rows = answer.rows.map((row) =>
      row.map((value, index) => {
        const treatment = treatments[index];
        if (treatment === "show" || value === null) return value;
        return treatment === "mask" ? maskValue(String(value)) : null;
      }),
    );
    return { ...answer, rows };
  }

  /** The key of a write, as its caller chose it for these arguments; nothing without one. */
  keyOf(
    tool: string,
    query: NamedQuery,
    input: Readonly<Record<string, JsonValue | undefined>>,
  ): WriteKey | undefined {
    const { env, principal, entry } = this.#call;
    const place = "hyperdrive" in entry.reach ? placeOfHyperdrive(env, entry.reach.hyperdrive) : {};
    const reach = { ...entry.reach, ...place };
    const state = { kind: entry.kind, reach, sql: query.sql, parameters: parametersOf(query) };
    return writeKeyOf(principal.userId, tool, input, state);
  }

  /** Throws what a write with this key would throw without being carried out. */
  async refuseKey(once: WriteKey | undefined): Promise<void> {
    const { env, name } = this.#call;
    const failure = once && (await findKeyRefusal(env, name, once));
    if (failure) throw toError(failure);
  }

  /**
   * How a column is shown of which the database does not say where it comes from. A role that may write the statement
   * itself sees it; else it may hold the strictest column of the tables that the statement reads.
   */
  async #treatmentOfComputed(
    sql: string,
    values: readonly JsonValue[],
    sight: ColumnSight,
    limits: CallLimits,
  ): Promise<Treatment> {
    if (!sight.hidesAny) return "show";
    try {
      await this.#judge(sql, values, limits);
      return "show";
    } catch (refusal) {
      if (!(refusal instanceof ToolError)) throw refusal;
    }
    // The judge gives the tables of a statement in which nothing is hidden, and refuses what it does not know.
    const judge = await judgeOf(this.#call.entry.kind);
    const read = await judge(sql, await this.#rules(null, limits)).catch((refusal: unknown) => {
      if (refusal instanceof ToolError) return null;
      throw refusal;
    });
    return sight.strictestOf(read === null ? null : read.tables);
  }

  /** The catalogue, for a call that does not show it, too. */
  async #tables(
    limits: CallLimits,
    fromCache?: CatalogueLimits["fromCache"],
  ): Promise<readonly CatalogueTable[]> {
    this.#known ??= this.#readTables(limits).catch((failure: unknown) => {
      this.#known = null;
      throw failure;
    });
    const { tables, cached } = await this.#known;
    if (cached !== null) fromCache?.(cached);
    return tables;
  }

  async #sightOf(limits: CallLimits): Promise<ColumnSight> {
    const tables = await this.#tables(limits);
    this.#sight ??= new ColumnSight(this.#call.entry, this.#call.masks, tables);
    return this.#sight;
  }

  async #readTables(limits: CallLimits) {
    const { env, name, revision, principal } = this.#call;
    const operation = { name: "catalogue", arguments: {}, repeatable: true };
    const read = async () =>
      (await askConnection(env, this.#target(), operation, principal, limits)) as unknown as CatalogueTable[];
    let cached: CachedAnswer | null = null;
    const tables = await rememberCatalogue(`${name}@${revision}`, read, (found) => {
      cached = found;
    });
    return { tables, cached };
  }

  #lacksOrigin(): boolean {
    return WITHOUT_ORIGIN.includes(this.#call.entry.kind);
  }

  /** The second wall where no result says where a column comes from: the judge may know fewer columns than a `*` gives. */
  #requireJudged({ columns }: AnsweredRows, judged: JudgedStatement): void {
    const { fields } = this.#call.masks;
    const hidesAny = Object.values(fields).some((treatment) => treatment !== "show");
    if (!this.#lacksOrigin() || !hidesAny || hasJudgedColumns(columns, judged)) return;
    throw new ToolError("forbidden", "The answer has other columns than the statement was allowed for.", {
      suggestedAction: "Name each column, or repeat the call in a minute: the table may have changed.",
    });
  }

  async #judge(sql: string, values: readonly JsonValue[], limits: CallLimits): Promise<JudgedStatement> {
    const { entry } = this.#call;
    const judge = await judgeOf(entry.kind);
    const judged = await judge(sql, await this.#rules(await this.#sightOf(limits), limits));
    const { parameters } = judged;
    if (parameters !== values.length) {
      throw new ToolError(
        "invalid_input",
        `The statement has ${parameters} placeholders and the call brings ${values.length} parameters.`,
        {
          suggestedAction: `Write placeholders as ${PLACEHOLDERS[entry.kind]} and give one value each.`,
        },
      );
    }
    return judged;
  }

  /** What a statement may use; everything that the connection exposes without a sight. */
  async #rules(sight: ColumnSight | null, limits: CallLimits): Promise<StatementRules> {
    return statementRules(this.#call.entry, await this.#tables(limits), sight);
  }

  async #run(
    operation: "query" | "explain" | "write",
    sql: string,
    values: readonly JsonValue[],
    { rows, cache, once }: { rows: number; cache?: OperationCache | undefined; once?: WriteKey | undefined },
    limits: CallLimits,
  ): Promise<AnsweredRows> {
    const { env, entry, principal } = this.#call;
    const bounds = { rows: Math.min(rows, entry.limits.rows), bytes: entry.limits.bytes };
    const settings = { ...this.#identity(), ...(await this.#schemaSettings(limits)) };
    const request = {
      name: operation,
      arguments: { sql, values: [...values], ...bounds },
      settings,
      repeatable: operation !== "write",
      cache,
      once,
    };
    const answer = await askConnection(env, this.#target(), request, principal, limits);
    return answer as unknown as AnsweredRows;
  }

  #cacheOf(rule: CacheRule | undefined, tool: string, call: ReadLimits): OperationCache | undefined {
    return rule && { rule, tool, masks: this.#call.masks, call };
  }

  /** Settings that the entry names, with what they say of the caller. */
  #identity(): Record<string, string> {
    const { principal, entry } = this.#call;
    const says: Record<CallerField, string> = {
      user_id: principal.userId,
      email: principal.email,
      name: principal.name,
      role: principal.role,
      client_id: principal.clientId,
    };
    return Object.fromEntries(
      Object.entries(entry.identity).map(([setting, field]) => [setting, says[field]]),
    );
  }

  /** Statement and judge look a name up in the same schemas. */
  async #schemaSettings(limits: CallLimits): Promise<Record<string, string>> {
    const { entry } = this.#call;
    if (entry.kind !== "postgresql" && entry.kind !== "oracle") return {};
    const schemas = searchPathOf(entry, await this.#tables(limits));
    const [first] = schemas;
    if (entry.kind === "oracle") return first === undefined ? {} : { current_schema: first };
    return { search_path: writeSearchPath(schemas) };
  }

  #target() {
    const { name, revision, entry } = this.#call;
    return { name, revision, entry };
  }
}
