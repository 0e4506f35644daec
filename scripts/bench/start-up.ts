import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { pickPort } from "../local/port.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { buildVariant } from "./calls/build.ts";
import { startGateway } from "./calls/runtime.ts";
import { median } from "./calls/statistics.ts";
import { DEPLOYED, WITHOUT_DRIVERS } from "./calls/variants.ts";
import { readBench } from "./options.ts";
import { printParts } from "./parts.ts";
import { measureParts } from "./start-parts.ts";

const HELP = `Measures what the drivers and parsers of connections cost: the size of the upload with and without them, and the time
and processor time from the start of the runtime to the first answer.

  npm run bench -- start-up [--rounds 7]
  npm run bench -- start-up --parts [--rounds 7]   what each part that may be left off adds to the upload and to a start
`;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const VARIANTS = [DEPLOYED, WITHOUT_DRIVERS];

const { values } = readBench("start-up");
if (values.help) console.log(HELP);
else if (values.parts) {
  await printParts();
  await measureParts(parseWholeNumber("rounds", values.rounds, 50));
} else await measure(parseWholeNumber("rounds", values.rounds, 50));

async function measure(rounds: number): Promise<void> {
  const stands = await Promise.all(
    VARIANTS.map(async (variant) => ({
      name: variant.name,
      built: await buildVariant(variant),
      ms: [] as number[],
      cpu: [] as number[],
    })),
  );
  for (let round = 0; round < rounds; round += 1) {
    // In turn, so that a disturbance meets both.
    for (const { built, ms, cpu } of stands) {
      const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-start-up-"));
      const port = await pickPort();
      const began = performance.now();
      const worker = await startGateway({
        script: built.script,
        wasm: built.wasm,
        folder,
        publicUrl: `http://localhost:${port}`,
        port,
      });
      const answer = await fetch(`http://127.0.0.1:${port}/health`, {
        headers: { host: `localhost:${port}` },
      });
      await answer.body?.cancel();
      ms.push(performance.now() - began);
      const used = await worker.readCpu();
      if (used !== null) cpu.push(used);
      await worker.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
  console.log(
    "| build | upload, gzip | of that loaded when needed | start to first answer | CPU time |\n|---|---|---|---|---|",
  );
  for (const { name, built, ms, cpu } of stands) {
    const lazy = Object.values(built.wasm).reduce((sum, bytes) => sum + gzipSync(bytes).byteLength, 0);
    const all = gzipSync(built.script).byteLength + lazy;
    const spent = cpu.length === 0 ? "not reported" : `${median(cpu).toFixed(0)} ms`;
    console.log(`| ${name} | ${inKib(all)} | ${inKib(lazy)} | ${median(ms).toFixed(0)} ms | ${spent} |`);
  }
}

function inKib(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`;
}
