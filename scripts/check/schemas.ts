import { readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";
import { HOSTS } from "../schemas/hosts.ts";
import { judgeTools, TABLE_FILE, writeTable } from "../schemas/table.ts";
import type { Check } from "./definition.ts";

/** Checks tool schemas, because a host that cannot parse one tool's schema refuses the whole list. */
export const schemas: Check = {
  name: "schemas",
  ensures: "every host takes the schemas of every tool, and the table of it is true",
  async run() {
    const verdicts = await judgeTools();
    const required = HOSTS.filter((host) => host.required).map(({ name }) => name);
    const written = await readFile(path.join(ROOT, TABLE_FILE), "utf8").catch(() => "");
    const isStale = written !== writeTable(verdicts);
    const strict = verdicts.filter(({ faults }) => faults.get("OpenAI strict")?.length === 0).length;
    return {
      summary: `${verdicts.length} tools, ${HOSTS.length} hosts, ${strict} for strict mode`,
      findings: [
        ...verdicts.flatMap(({ tool, faults }) =>
          required.flatMap((host) =>
            (faults.get(host) ?? []).map((fault) => `${tool.name}, ${host}: ${fault}`),
          ),
        ),
        ...(isStale ? [`${TABLE_FILE}:1 is out of step. Run: npm run schemas`] : []),
      ],
    };
  },
};
