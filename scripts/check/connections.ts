import { existsSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { formatMistake } from "../../shared/policy/changes/read-policy.ts";
import { CONNECTION_FILES, readConnections, writeConnectionsSchema } from "../connections/files.ts";
import { ROOT } from "../local/root.ts";
import { readText } from "../policy/files.ts";
import type { Check } from "./definition.ts";

/** Checks that `connections.yaml` is valid, if there is one, and that the schema for editors is what the code says. */
export const connections: Check = {
  name: "connections",
  ensures: "connections.yaml is valid, and connections.schema.json describes it",
  async run() {
    const written: unknown = JSON.parse(await readText(CONNECTION_FILES.schema).catch(() => "null"));
    const said: unknown = JSON.parse(JSON.stringify(writeConnectionsSchema()));
    const stale = isDeepStrictEqual(written, said)
      ? []
      : [`${CONNECTION_FILES.schema}:1 is out of step. Run: npm run connections -- build`];
    if (!existsSync(path.resolve(ROOT, CONNECTION_FILES.connections)))
      return { summary: "no file", findings: stale };
    const { value, mistakes } = readConnections(
      CONNECTION_FILES.connections,
      await readText(CONNECTION_FILES.connections),
    );
    const count = Object.keys(value?.connections ?? {}).length;
    return { summary: `${count} connections`, findings: [...stale, ...mistakes.map(formatMistake)] };
  },
};
