import { STORAGE_LIMIT } from "../../shared/observe/storage-alarm.ts";
import { MOST_CALLS } from "../../workers/audit-log/figures/remove-calls.ts";
import { CommandFailure } from "../local/failure.ts";
import { PRICES, PRICES_AS_OF } from "./calls/costs.ts";
import { readBench } from "./options.ts";
import { measureTrail, type TrailCost } from "./scale/measure-trail.ts";

const HELP = `
Measures what the trail stores for a call, and compares what many people store over a long time with each documented limit.

  npm run bench -- scale [--people 5000] [--days 400] [--calls 36]     calls: of one person in a day
                       [--by-statement]                              what each statement of the consumer reads and writes
`;

const { values } = readBench("scale");
const [people, days, perDay] = [values.people, values.days, values.calls].map(Number);
if (![people, days, perDay].every((number) => number !== undefined && number >= 1 && number <= 1_000_000))
  throw new CommandFailure("--people, --days and --calls take a number from 1.", HELP);

/** A queue takes 5,000 messages a second, and holds 25 GB (Queues limits); each person's records are one message. */
const [MESSAGES, BACKLOG] = [5_000, 25e9];
/** Share of a day's calls in its busiest hour. */
const PEAK = 0.2;
/** Bytes of one call in a person's object until it is stored, and in the queue. */
const RECORD_BYTES = 1_740;

const whole = (number: number) => Math.round(number).toLocaleString("en");
const giga = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;

const inRow = await measureTrail({ people: 20, together: 25, peopleOfBatch: 10 });
const spaced = await measureTrail({ people: 200, together: 1, peopleOfBatch: 100 });

printCost("calls in a row", inRow);
printCost("one call of each of 100 people", spaced);
if (values["by-statement"]) {
  printStatements("calls in a row", inRow);
  printStatements("one call of each of 100 people", spaced);
}

const calls = Number(people) * Number(days) * Number(perDay);
const searched = Math.min(calls, MOST_CALLS);
const found = calls * spaced.findBytes;
const database = searched * spaced.searchBytes + found;
const peakSeconds = (Number(people) * Number(perDay) * PEAK) / 3_600;
const ceiling = (STORAGE_LIMIT - MOST_CALLS * spaced.searchBytes) / spaced.findBytes;
const lines: [what: string, use: string, limit: string, holds: boolean][] = [
  ["D1: the platform database", giga(database), giga(STORAGE_LIMIT), database < STORAGE_LIMIT],
  ["D1: below the alarm of 70 %", giga(database), giga(0.7 * STORAGE_LIMIT), database < 0.7 * STORAGE_LIMIT],
  ["D1: a statement's value", "0.5 MB", "2 MB", true],
  [
    "Durable Objects: a person, all stored within a day",
    giga(Number(perDay) * RECORD_BYTES),
    giga(STORAGE_LIMIT),
    Number(perDay) * RECORD_BYTES < STORAGE_LIMIT,
  ],
  [
    "Queues: messages a second in the busiest hour",
    whole(peakSeconds),
    whole(MESSAGES),
    peakSeconds < MESSAGES,
  ],
  [
    "Queues: backlog of four days",
    giga(4 * Number(people) * Number(perDay) * RECORD_BYTES),
    giga(BACKLOG),
    4 * Number(people) * Number(perDay) * RECORD_BYTES < BACKLOG,
  ],
  ["KV: writes a second to one key", "0", "1", true],
  [
    "R2: bytes and objects",
    `${giga(calls * spaced.segmentBytes)}, ${whole(calls * spaced.puts)}`,
    "no limit",
    true,
  ],
];
console.log(
  `\n${whole(Number(people))} people, ${whole(Number(days))} days, ${whole(Number(perDay))} calls a day each: ${whole(calls)} calls, ${whole(searched)} of them in the search\n`,
);
for (const [what, use, limit, holds] of lines)
  console.log(
    `${what.padEnd(52)}${use.padStart(24)}${limit.padStart(14)}  ${holds ? "holds" : "DOES NOT HOLD"}`,
  );
console.log(
  `\nThe platform database would be full after ${whole(ceiling)} calls within their retention; before segments, after 5,700,000.`,
);
if (lines.some(([, , , holds]) => !holds)) process.exitCode = 1;

function printCost(what: string, cost: TrailCost): void {
  const dollars = cost.rowsWritten * PRICES.rowWritten + cost.puts * PRICES.objectWrite;
  console.log(
    `${what}: ${cost.rowsWritten.toFixed(2)} D1 rows written a call, ${(cost.searchBytes + cost.findBytes).toFixed(0)} bytes of D1 ` +
      `(${cost.findBytes.toFixed(0)} without the search), ${cost.puts.toFixed(3)} R2 writes, ${cost.segmentBytes.toFixed(0)} bytes of R2; ` +
      `$${dollars.toFixed(2)} a million calls (prices of ${PRICES_AS_OF})`,
  );
}

function printStatements(what: string, { statements }: TrailCost): void {
  console.log(`\n${what}: rows read, rows written and microseconds of SQLite for a call, by statement`);
  const sorted = [...statements].sort(([, one], [, other]) => other.rowsRead - one.rowsRead);
  for (const [sql, { rowsRead, rowsWritten, milliseconds }] of sorted) {
    const numbers = [rowsRead.toFixed(2), rowsWritten.toFixed(2), (1_000 * milliseconds).toFixed(1)];
    const text = sql.replace(/\s+/g, " ").trim();
    const ends = text.length > 100 ? `${text.slice(0, 60)} … ${text.slice(-37)}` : text;
    console.log(`${numbers.map((number) => number.padStart(8)).join("")}  ${ends}`);
  }
}
