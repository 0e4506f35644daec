import { spawnSync } from "node:child_process";

/** An account of this machine, by its numbers. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * The account that a database server runs as: `null` for the one of this process. PostgreSQL refuses to run as
 * root, so that root starts it as `nobody`. Throws if root's machine has no such account.
 */
export function findAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  const [uid, gid] = ["-u", "-g"].map((flag) =>
    Number(spawnSync("id", [flag, "nobody"], { encoding: "utf8" }).stdout?.trim()),
  );
  if (!uid || !gid) throw new Error('root cannot run PostgreSQL, and there is no account "nobody"');
  return { uid, gid };
}
