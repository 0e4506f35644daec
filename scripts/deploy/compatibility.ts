import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

/**
 * What the runtime itself says against a date and flags, `null` when it takes them. Miniflare leaves out flags that the
 * date implies before it starts the runtime, so only the runtime can tell.
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
    return status === 0 ? null : stderr.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
