import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

const POSTGRESQL = "/usr/lib/postgresql";

/** Folder of the newest PostgreSQL that Debian's packages installed; `null` without one. */
export function findPostgresql(): string | null {
  const versions = existsSync(POSTGRESQL)
    ? readdirSync(POSTGRESQL).sort((one, other) => Number(other) - Number(one))
    : [];
  const found = versions.find((version) => existsSync(path.join(POSTGRESQL, version, "bin/postgres")));
  return found === undefined ? null : path.join(POSTGRESQL, found, "bin");
}

/** Where Debian's package installed Prometheus and the tool that checks what it reads; `null` without them. */
export function findPrometheus(): { server: string; promtool: string } | null {
  const found = { server: "/usr/bin/prometheus", promtool: "/usr/bin/promtool" };
  return existsSync(found.server) && existsSync(found.promtool) ? found : null;
}

/** The servers that tests would use and that this machine does not have. */
export function findAbsentServers(): string[] {
  return [
    ...(findPostgresql() === null ? ["PostgreSQL"] : []),
    ...(existsSync("/usr/sbin/mariadbd") ? [] : ["MariaDB"]),
    ...(existsSync("/usr/bin/redis-server") ? [] : ["Redis"]),
    ...(findPrometheus() === null ? ["Prometheus"] : []),
  ];
}
