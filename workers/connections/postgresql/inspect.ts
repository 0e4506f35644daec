import type { Client } from "pg";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
import {
  type ConnectionReport,
  type ConnectionTarget,
  type Inspected,
  NOT_INSPECTED,
} from "../../../shared/objects/connection-gate.ts";
import { checkAgainstCatalogue } from "../sql/check-catalogue.ts";
import { checkQueries } from "../sql/check-queries.ts";
import { proposeFromSample, type SampleDialect, STATEMENT_MS } from "../sql/sample-classes.ts";
import { readCatalogue } from "./catalogue.ts";
import { explainPostgresql } from "./errors.ts";
import { prepareQuery, setForQueries } from "./prepare-query.ts";

/** Attributes and memberships that write, or read past the grants of tables. */
const ROLES = `
  SELECT r.rolname AS role, r.rolsuper AS super, r.rolcreatedb AS createdb, r.rolcreaterole AS createrole,
         r.rolreplication AS replication, r.rolbypassrls AS bypassrls, quote_ident(r.rolname) AS quoted,
         quote_ident(current_user) AS me
    FROM pg_roles r WHERE pg_has_role(current_user, r.oid, 'MEMBER')`;

const POWERFUL = [
  "pg_write_all_data",
  "pg_write_server_files",
  "pg_read_server_files",
  "pg_execute_server_program",
  "pg_signal_backend",
  "pg_maintain",
  "pg_create_subscription",
  "pg_checkpoint",
];

/**
 * Privileges on objects that change something, of the account and of each role that it has without inheriting its
 * privileges: SET ROLE gives them to it. `by_public`: every role has it.
 */
const GRANTS = `
  WITH who AS (
    SELECT r.oid AS id, quote_ident(r.rolname) AS quoted, r.rolname = current_user AS own,
           CASE WHEN r.rolname = current_user THEN '' ELSE ', after SET ROLE ' || quote_ident(r.rolname) END AS how,
           'REVOKE ' || quote_ident(r.rolname) || ' FROM ' || quote_ident(current_user) AS leave
      FROM pg_roles r
     WHERE r.rolname = current_user
        OR (pg_has_role(current_user, r.oid, 'MEMBER') AND NOT pg_has_role(current_user, r.oid, 'USAGE'))
  )
  SELECT 'write to ' || c.oid::regclass || how AS what,
         CASE WHEN own THEN 'REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ' || c.oid::regclass || ' FROM ' || quoted ELSE leave END AS remedy,
         false AS by_public
    FROM who CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
     AND (pg_has_role(id, c.relowner, 'MEMBER') OR has_table_privilege(id, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
          OR has_any_column_privilege(id, c.oid, 'INSERT, UPDATE'))
  UNION ALL
  SELECT 'use the sequence ' || c.oid::regclass || how,
         CASE WHEN own THEN 'REVOKE USAGE, UPDATE ON SEQUENCE ' || c.oid::regclass || ' FROM ' || quoted ELSE leave END, false
    FROM who CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'S' AND n.nspname NOT LIKE 'pg\\_%' AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(id, c.oid, 'USAGE, UPDATE') END
  UNION ALL
  SELECT 'create objects in the schema ' || quote_ident(n.nspname) || how,
         CASE WHEN own THEN 'REVOKE CREATE ON SCHEMA ' || quote_ident(n.nspname) || ' FROM PUBLIC, ' || quoted ELSE leave END,
         coalesce(EXISTS (SELECT 1 FROM aclexplode(n.nspacl) WHERE grantee = 0 AND privilege_type = 'CREATE'), false)
    FROM who CROSS JOIN pg_namespace n
   WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND has_schema_privilege(id, n.oid, 'CREATE')
     AND (own OR NOT has_schema_privilege(n.oid, 'CREATE'))
  UNION ALL
  SELECT 'create schemas in this database' || how,
         CASE WHEN own THEN 'REVOKE CREATE ON DATABASE ' || quote_ident(current_database()) || ' FROM ' || quoted ELSE leave END, false
    FROM who WHERE has_database_privilege(id, current_database(), 'CREATE')
  UNION ALL
  SELECT 'create temporary tables, as every role may', 'REVOKE TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' FROM PUBLIC', true
   WHERE has_database_privilege(current_database(), 'TEMPORARY')
  UNION ALL
  SELECT 'write large objects, as every role may', 'REVOKE EXECUTE ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea), pg_catalog.lo_put(oid, bigint, bytea), pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid) FROM PUBLIC', true
   WHERE has_function_privilege('pg_catalog.lo_from_bytea(oid, bytea)', 'EXECUTE')`;

interface Role {
  role: string;
  super: boolean;
  createdb: boolean;
  createrole: boolean;
  replication: boolean;
  bypassrls: boolean;
  quoted: string;
  me: string;
}

/** What a role of PostgreSQL may do beyond reading, and how the entry fits the database. */
export async function inspectPostgresql(
  client: Client,
  target: ConnectionTarget,
  what?: Inspected,
): Promise<ConnectionReport> {
  const entry = target.entry as PostgresqlEntry;
  const start = Date.now();
  const { rows: versions } = await client.query<{ version: string }>(
    "SELECT current_setting('server_version') AS version",
  );
  const ms = Date.now() - start;
  const { rows: roles } = await client.query<Role>(ROLES);
  const { rows: grants } = await client.query<{ what: string; remedy: string; by_public: boolean }>(
    `${GRANTS} LIMIT 200`,
  );
  const account = {
    server: `PostgreSQL ${versions[0]?.version ?? ""}`.trim(),
    ms,
    excess: [
      ...roles.flatMap(describeRole),
      ...grants.map(({ what: may, remedy, by_public }) => ({
        what: may,
        remedy: `${remedy};`,
        blocking: !by_public,
      })),
    ],
  };
  if (what === "account") return { ...account, ...NOT_INSPECTED };
  const catalogue = await readCatalogue(client, entry);
  const checked = checkAgainstCatalogue(entry, catalogue);
  await setForQueries(client, entry, catalogue.tables);
  const wrong = await checkQueries(
    entry,
    catalogue.tables,
    (query) => prepareQuery(client, query),
    (failure) => explainPostgresql(failure, target),
  );
  // A statement that fails ends the transaction for others: the sample comes last.
  await client.query(`SET LOCAL statement_timeout = ${STATEMENT_MS}`);
  const named = { columns: entry.columns, proposals: checked.proposals };
  const sampled = await proposeFromSample(catalogue.tables, named, DIALECT, async (text) => {
    const { rows } = await client.query<unknown[]>({ text, rowMode: "array" });
    return rows;
  });
  return {
    ...account,
    ...checked,
    proposals: { ...checked.proposals, ...sampled },
    mistakes: [...checked.mistakes, ...wrong],
  };
}

const DIALECT: SampleDialect = {
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  beginning: (column, characters) => `left(${column}::text, ${characters})`,
};

function describeRole({
  role,
  quoted,
  me,
  ...attributes
}: Role): { what: string; remedy: string; blocking: boolean }[] {
  const own = quoted === me;
  const found = Object.entries(attributes).filter(([, has]) => has === true);
  const leave = `REVOKE ${quoted} FROM ${me};`;
  return [
    ...found.map(([attribute]) => ({
      what: own ? `is ${WORDS[attribute]}` : `is a member of ${role}, which is ${WORDS[attribute]}`,
      remedy: own
        ? `ALTER ROLE ${me} ${attribute === "super" ? "NOSUPERUSER" : `NO${attribute.toUpperCase()}`};`
        : leave,
      blocking: true,
    })),
    ...(POWERFUL.includes(role) ? [{ what: `is a member of ${role}`, remedy: leave, blocking: true }] : []),
  ];
}

const WORDS: Readonly<Record<string, string>> = {
  super: "a superuser",
  createdb: "allowed to create databases",
  createrole: "allowed to create roles",
  replication: "allowed to replicate",
  bypassrls: "not bound by row-level security",
};
