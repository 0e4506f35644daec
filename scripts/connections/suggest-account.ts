import type { ConnectionEntry } from "../../shared/connections/entry.ts";

/** Statements that make a least-privileged account. */
export function suggestAccount(entry: ConnectionEntry): string {
  switch (entry.kind) {
    case "postgresql": {
      const schemas = [...new Set(entry.expose.tables.map((table) => table.split(".")[0] ?? "public"))];
      const named = schemas.map((schema) => (schema.includes("*") ? "public" : schema));
      return [
        "    CREATE ROLE gatehouse LOGIN PASSWORD '…' NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;",
        "    ALTER ROLE gatehouse SET default_transaction_read_only = on;",
        ...named.flatMap((schema) => [
          `    GRANT USAGE ON SCHEMA ${schema} TO gatehouse;`,
          `    GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO gatehouse;`,
        ]),
      ].join("\n");
    }
    case "mysql": {
      const database = "database" in entry.reach ? entry.reach.database : "…";
      return [
        "    CREATE USER 'gatehouse'@'%' IDENTIFIED BY '…';",
        `    GRANT SELECT, SHOW VIEW ON ${database}.* TO 'gatehouse'@'%';`,
      ].join("\n");
    }
    case "openapi":
      return "    An account of its own, with the rights of the operations that the entry selects and no others.";
    case "clickhouse":
      return [
        "    CREATE USER gatehouse IDENTIFIED BY '…' SETTINGS readonly = 2;",
        `    GRANT SELECT ON ${entry.reach.database}.* TO gatehouse;`,
      ].join("\n");
    case "oracle": {
      const tables = entry.expose.tables.map((table) => (table.includes("*") ? "<each table>" : table));
      return [
        '    CREATE USER gatehouse IDENTIFIED BY "…";',
        "    GRANT CREATE SESSION TO gatehouse;",
        ...[...new Set(tables)].map((table) => `    GRANT READ ON ${table} TO gatehouse;`),
        "    -- The statement that writes the grants of a schema (READ takes no lock, SELECT may):",
        ...[...new Set(entry.expose.tables.map((table) => table.split(".")[0] ?? ""))].map(
          (schema) =>
            `    SELECT 'GRANT READ ON "' || owner || '"."' || table_name || '" TO gatehouse;' FROM all_tables WHERE owner LIKE '${schema.replaceAll("*", "%")}';`,
        ),
      ].join("\n");
    }
    case "mcp":
      return "    Rights at an MCP server are those of its account: give it no more than its tools need.";
    case "opensearch": {
      const patterns = JSON.stringify(entry.expose.indices);
      return [
        "    OpenSearch, in the security plugin (and map the role to the user):",
        `    PUT _plugins/_security/api/roles/gatehouse {"index_permissions":[{"index_patterns":${patterns},"allowed_actions":["read","indices:admin/mappings/get","indices:admin/aliases/get","indices:admin/data_stream/get"]}],"cluster_permissions":["cluster:monitor/main"]}`,
        "    Elasticsearch:",
        `    PUT _security/role/gatehouse {"cluster":["monitor"],"indices":[{"names":${patterns},"privileges":["read","view_index_metadata"]}]}`,
      ].join("\n");
    }
    case "kafka": {
      const topics = entry.expose.topics.map((topic) => `--topic ${topic.replace(/\*+$/, "")}`).join(" ");
      const pattern = entry.expose.topics.some((topic) => topic.endsWith("*"))
        ? " --resource-pattern-type prefixed"
        : "";
      const groups = entry.expose.groups.map((group) => `--group ${group}`).join(" ");
      const acl = "    kafka-acls.sh --bootstrap-server … --add --allow-principal User:gatehouse --operation";
      return [
        `${acl} Read --operation Describe ${topics}${pattern}`,
        ...(groups === "" ? [] : [`${acl} Describe ${groups}`]),
        ...(entry.produce.length === 0
          ? []
          : [`${acl} Write ${entry.produce.map((topic) => `--topic ${topic}`).join(" ")}`]),
      ].join("\n");
    }
    case "mongodb":
      return [
        `    use ${entry.reach.auth_database}`,
        `    db.createUser({ user: "gatehouse", pwd: passwordPrompt(), roles: [{ role: "read", db: "${entry.reach.database}" }] })`,
      ].join("\n");
    case "redis":
      return `    ACL SETUSER gatehouse on >… ${entry.expose.prefixes.map((prefix) => `~${prefix}*`).join(" ")} resetchannels -@all +@read +@connection -@dangerous -keys`;
  }
}
