import { command, readCommandLine, type Script, type Values } from "../local/command-line.ts";
import { CommandFailure } from "../local/failure.ts";
import { FIGURES_OPTIONS } from "./figures-table.ts";

const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;

/** Options of every bench, apart from the benches, which begin as soon as they are imported. */
export const BENCH_OPTIONS = {
  calls: {
    quick: FLAG,
    short: FLAG,
    spaced: FLAG,
    against: TEXT,
    people: { type: "string", default: "8" },
    work: TEXT,
    help: FLAG,
  },
  decide: {},
  validation: {},
  sessions: {
    sessions: { type: "string", default: "10000" },
    people: { type: "string", default: "40" },
    callers: { type: "string", default: "4" },
    help: FLAG,
  },
  memory: {
    points: { type: "string", default: "6" },
    calls: { type: "string", default: "1500" },
    people: { type: "string", default: "10" },
    peaks: FLAG,
    contacts: { type: "string", default: "50000" },
    streams: { type: "string", default: "10000" },
    help: FLAG,
  },
  hostile: { inputs: { type: "string", default: "10000" }, seed: TEXT, help: FLAG },
  "slow-clients": {
    connections: { type: "string", default: "350" },
    bodies: { type: "string", default: "50" },
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
    help: FLAG,
  },
  redaction: { half: TEXT, list: FLAG, help: FLAG },
  crm: { contacts: { type: "string", default: "100000,1000000" }, folder: TEXT, ...FIGURES_OPTIONS },
  analytics: { events: { type: "string", default: "100000,1000000,10000000" }, ...FIGURES_OPTIONS },
  console: {
    records: { type: "string", default: "1000000" },
    people: { type: "string", default: "100" },
    calls: { type: "string", default: "0" },
    samples: { type: "string", default: "30" },
    folder: TEXT,
  },
  "sql-bounds": {
    statements: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    events: { type: "string", default: "100000" },
  },
  languages: {},
  documents: { html: TEXT, pdf: TEXT },
  events: {
    events: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    help: FLAG,
  },
  connections: {
    seconds: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    help: FLAG,
  },
  "start-up": { rounds: { type: "string", default: "7" }, parts: FLAG, help: FLAG },
  mcp: {
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "2" },
    help: FLAG,
  },
  poison: { verbose: FLAG },
  knowledge: { collection: TEXT, "leave-one-out": TEXT, passages: TEXT, ...FIGURES_OPTIONS },
  openapi: {},
  "openapi-import": {},
  scale: {
    people: { type: "string", default: "5000" },
    days: { type: "string", default: "400" },
    calls: { type: "string", default: "36" },
    "by-statement": FLAG,
  },
  "tool-search": { "held-out": FLAG, missed: { type: "boolean", default: false }, help: FLAG },
} as const;

/** A bench of `npm run bench`. */
export type BenchName = keyof typeof BENCH_OPTIONS;

interface Given<Name extends BenchName> {
  values: Values<(typeof BENCH_OPTIONS)[Name]>;
  words: readonly string[];
}

let given: { name: BenchName; values: unknown; words: readonly string[] } | null = null;

/** The command of a bench. `start` imports it, and it asks for its options with {@link readBench}. */
export function benchCommand(name: BenchName, start: () => Promise<unknown>) {
  const words = name === "openapi" ? ["[description…]"] : [];
  return command({ takes: BENCH_OPTIONS[name], words }, async (values, words) => {
    given = { name, values, words };
    await start();
  });
}

/** What a bench was given: by `npm run bench`, or by the command line of a file that is started alone. */
export function readBench<Name extends BenchName>(name: Name): Given<Name> {
  if (given?.name !== name) {
    const alone: Script = {
      name: `bench ${name}`,
      help: "",
      commands: { "": benchCommand(name, async () => undefined) },
    };
    const run = readCommandLine(alone, process.argv.slice(2));
    if (run === null) throw new CommandFailure("This bench has no help.", "See: npm run bench -- --help");
    run();
  }
  return given as unknown as Given<Name>;
}
