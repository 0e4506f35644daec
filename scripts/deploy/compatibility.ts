import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const COMPLAINT = /compatibility (?:flag|date)/i;

/**
 * Returns the runtime's complaint about a compatibility date and flags, or `null` if it has none. Miniflare removes flags
 * that the date implies before it starts the runtime, so the runtime itself is asked.
 */
export function findFlagProblem(date: string, flags: readonly string[]): string | null {
  const { default: workerd } = createRequire(createRequire(import.meta.url).resolve("miniflare"))(
    "workerd",
  ) as {
    default: string;
  };
  const folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-flags-"));
  try {
    const file = path.join(folder, "config.capnp");
    const list = flags.map((flag) => JSON.stringify(flag)).join(", ");
    writeFileSync(
      file,
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (
  modules = [(name = "main", esModule = "export default { test() {} }")],
  compatibilityDate = ${JSON.stringify(date)}, compatibilityFlags = [${list}]))]);`,
    );
    const { status, stderr } = spawnSync(workerd, ["test", file], { encoding: "utf8" });
    // The runtime serves locally in spite of such a line.
    const complaints = stderr.split("\n").filter((line) => COMPLAINT.test(line));
    if (complaints.length > 0) return complaints.join("\n");
    return status === 0 ? null : stderr.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
