import http from "node:http";
import fc from "fast-check";
import { GENERATIONS, type Generation } from "../demo/session.ts";
import { CommandFailure } from "../local/failure.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { signPeopleIn } from "./calls/people.ts";
import { type BenchGateway, runOnGateway } from "./calls/run-on-gateway.ts";
import { findFault } from "./hostile/find-fault.ts";
import { type HostileInput, hostileInput } from "./hostile/inputs.ts";
import { type Attack, openTarget, sendHostile } from "./hostile/send.ts";
import { readBench } from "./options.ts";
import { inMiB } from "./sessions/report.ts";
import { together } from "./sessions/together.ts";

const HELP = `Sends generated hostile messages to the built Worker on both lanes, and says what was answered.

  npm run bench -- hostile [--inputs 10000] [--seed 1]     so many inputs a lane

Every 50th message hangs up in the middle. A fault is printed with its input; the same seed gives the same inputs.
`;

/** Number of concurrent messages. */
const AT_ONCE = 8;

/** Text in another user's note, which no answer may contain. */
const SECRET = "note-of-another-user-5d1c";

/** Seeds are 31 bits. */
const MOST_SEED = 2 ** 31 - 1;

await runOnGateway("hostile", run);

async function run(start: () => Promise<BenchGateway>): Promise<void> {
  const { values } = readBench("hostile");
  if (values.help) return console.log(HELP);
  const inputs = parseWholeNumber("inputs", values.inputs);
  const seed = parseWholeNumber("seed", values.seed ?? String((Date.now() % MOST_SEED) + 1), MOST_SEED);
  const { worker, port, publicUrl, platform } = await start();
  const [own = "", stranger = ""] = await signPeopleIn(platform, `${publicUrl}/mcp`, 2);
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const attack = await openTarget({ port, agent, own, stranger, secret: SECRET });
  const before = (await worker.readMemory()) ?? 0;
  const slow = attack.trickle();
  let faults = 0;
  for (const lane of GENERATIONS) faults += await attackLane(lane, attack, inputs, seed);
  const after = (await worker.readMemory()) ?? 0;
  const late = await slow;
  if (late !== 408)
    throw new CommandFailure(`A message that never ended was answered ${late}.`, "408 is right.");
  await attack.requireUnharmed();
  console.log(`\nseed ${seed}; ${inputs * GENERATIONS.length} inputs tried, ${faults} faults`);
  console.log(`memory of the runtime: ${inMiB(before)} before, ${inMiB(after)} after`);
  agent.destroy();
  if (faults > 0)
    throw new CommandFailure(`${faults} inputs were answered wrongly.`, `See above; --seed ${seed}`);
}

async function attackLane(lane: Generation, attack: Attack, inputs: number, seed: number): Promise<number> {
  const waiting = fc.sample(hostileInput(lane), { numRuns: inputs, seed });
  const kinds = new Map<string, number>();
  const statuses = new Map<number | string, number>();
  let faults = 0;
  let number = 0;
  await together(inputs, AT_ONCE, async () => {
    number += 1;
    const hangUp = number % 50 === 0;
    const input = waiting[number - 1] as HostileInput;
    const answer = await sendHostile(attack, input, hangUp);
    count(kinds, input.kind);
    count(statuses, answer === null ? "hung up" : answer.status);
    const fault = answer === null ? null : findFault(answer, SECRET);
    if (fault === null) return;
    faults += 1;
    if (faults <= 20) console.log(`✗ ${fault}\n    ${JSON.stringify(input).slice(0, 700)}`);
  });
  console.log(`\n${lane}\n  ${describe(kinds)}\n  answered: ${describe(statuses)}`);
  return faults;
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function describe(counts: ReadonlyMap<number | string, number>): string {
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([key, times]) => `${key} ${times}`)
    .join(", ");
}
