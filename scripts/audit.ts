import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { readExportLine } from "../shared/audit/export-line.ts";
import { exportLines } from "../shared/audit/export-lines.ts";
import { type AskedSpan, verifyExport } from "../shared/audit/verify-export.ts";
import { printDeadLetters, redrive } from "./audit/dead-letters.ts";
import { formatFinding, formatIncomplete, formatSummary } from "./audit/format.ts";
import { changeHold, type Held, listHolds } from "./audit/holds.ts";
import { checkSignedFile } from "./audit/signed-file.ts";
import { type Command, command, type Values } from "./local/command-line.ts";
import { CommandFailure } from "./local/failure.ts";
import { trailOf } from "./platform/database.ts";
import { waitFor } from "./platform/notify-worker.ts";
import { addresseeOf, environmentOf, openPlatform, PLACE } from "./platform/place.ts";
import { runCommands } from "./platform/run-command.ts";

const HELP = `Exports the audit trail, verifies an export without any connection, and sets holds on data.

  npm run -s audit -- export > trail.jsonl                 everything, as JSON lines
  npm run -s audit -- export --from 2026-03-01 --to 2026-04-01 > trail.jsonl
  npm run -s audit -- verify trail.jsonl                   names every edited, removed, inserted or reordered record
  npm run -s audit -- verify trail.jsonl --from 2026-03-01 --to 2026-04-01   also checks that it covers this span
  npm run -s audit -- verify trail.jsonl --key <id>        only this key may have signed; may be given more than once

  npm run audit -- hold --user ada@example.com --reason "Case 12"    keeps all of their data from now on
  npm run audit -- hold --everybody --reason "Case 13"
  npm run audit -- release --user ada@example.com --reason "Closed"   or --everybody
  npm run audit -- holds                                   active holds, with time and reason
  npm run audit -- dead-letters                            records that could not be written, and why
  npm run audit -- redrive                                 delivers them once more

  verify exits with 0: complete and signed up to its last record; 1: not intact; 3: intact, but its newest records
  are not signed yet (the next checkpoint signs them: export again after the hour).

  --from, --to                     ISO 8601: a date (midnight UTC) or a time; --to is excluded
  --env local|staging|production   where to export from; default: local
  --state <folder>                 local storage elsewhere, as with npm start
`;

/** Maximum findings to print; most others follow from the first. */
const MOST_FINDINGS = 20;

/** Milliseconds that a command waits for the Worker, which polls for requests every five minutes. */
const PATIENCE_MS = 6 * 60_000;

/** Exit code of a verification without errors, but with records that no checkpoint has signed yet. */
const NOT_SIGNED = 3;

const SEE_HELP = "For the commands: npm run audit -- --help";

const TEXT = { type: "string" } as const;
const SPAN = { from: TEXT, to: TEXT } as const;
const HOLD = {
  user: TEXT,
  everybody: { type: "boolean", default: false },
  reason: TEXT,
  ...PLACE,
} as const;
const VERIFY = { ...SPAN, key: { type: "string", multiple: true, default: [] as string[] } } as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  export: command({ takes: { ...SPAN, ...PLACE } }, async (flags) => {
    const span = readSpan(flags);
    const lines = exportLines(trailOf(openPlatform(flags)), environmentOf(flags), span, Date.now());
    for await (const line of lines) {
      process.stdout.write(`${JSON.stringify(line)}\n`);
      if (line.line !== "end") continue;
      const incomplete = line.chains.flatMap(({ chain, complete }) =>
        complete === undefined ? [] : [{ chain, complete }],
      );
      for (const text of formatIncomplete(incomplete)) console.error(text);
    }
  }),
  verify: command({ takes: VERIFY, words: ["<file>"] }, async (flags, [file]) => {
    if (file === undefined) throw new CommandFailure("Name the file to verify.", SEE_HELP);
    const lines = await readLines(file);
    if (!lines.some(readExportLine))
      throw new CommandFailure(
        `${file} is no export of the audit trail.`,
        "Write one: npm run -s audit -- export > trail.jsonl",
      );
    const verification = await verifyExport(lines, flags.key, readSpan(flags));
    for (const finding of verification.findings.slice(0, MOST_FINDINGS)) console.log(formatFinding(finding));
    const hidden = verification.findings.length - MOST_FINDINGS;
    if (hidden > 0) console.log(`… and ${hidden} more`);
    console.log(formatSummary(verification));
    const signed = await checkSignedFile(file, flags.key);
    if (signed !== null) console.log(signed.text);
    if (verification.findings.length > 0 || signed?.holds === false) process.exitCode = 1;
    else if (verification.unsigned > 0) process.exitCode = NOT_SIGNED;
  }),
  hold: command({ takes: HOLD }, async (flags) => {
    const held = readHeld(flags);
    await changeHold(openPlatform(flags), held, readReason(flags), true);
    console.log(`Hold set: no data of ${held ?? "any person"} is removed, erasure included.`);
  }),
  release: command({ takes: HOLD }, async (flags) => {
    const held = readHeld(flags);
    await changeHold(openPlatform(flags), held, readReason(flags), false);
    console.log(`Released. The next hourly run removes expired data.`);
  }),
  holds: command({ takes: PLACE }, async (flags) => {
    const rows = await openPlatform(flags).query(listHolds());
    for (const { user_id, email, reason, at } of rows) {
      const who = user_id === null ? "everybody" : `${email ?? "(erased)"} ${user_id}`;
      console.log(`${new Date(Number(at)).toISOString()}  ${who}: ${reason}`);
    }
    console.log(rows.length === 1 ? "1 hold" : `${rows.length} holds`);
  }),
  "dead-letters": command({ takes: PLACE }, async (flags) => {
    await printDeadLetters(openPlatform(flags));
  }),
  redrive: command({ takes: PLACE }, async (flags) => {
    await redrive(openPlatform(flags), waitFor(addresseeOf(flags), PATIENCE_MS));
  }),
};

function readHeld({ user, everybody }: Values<typeof HOLD>): Held {
  if ((user === undefined) === !everybody)
    throw new CommandFailure("Name the person: --user <address or id>, or --everybody.", SEE_HELP);
  return user ?? null;
}

function readReason({ reason }: Values<typeof HOLD>): string {
  const text = reason?.trim() ?? "";
  if (text.length >= 3 && text.length <= 500 && !/\p{Cc}/u.test(text)) return text;
  throw new CommandFailure("Say why: --reason, in 3 to 500 characters on one line.", SEE_HELP);
}

async function readLines(file: string): Promise<string[]> {
  const lines: string[] = [];
  try {
    for await (const line of createInterface({ input: createReadStream(file, "utf8") })) lines.push(line);
  } catch (failure) {
    throw new CommandFailure(`${file} cannot be read.`, "Check the path.", failure);
  }
  return lines;
}

/** Both ends are inclusive, because records are stored by the millisecond; `--to` itself is exclusive. */
function readSpan(flags: Values<typeof SPAN>): AskedSpan {
  const from = readMoment("from", flags.from);
  const to = readMoment("to", flags.to);
  if (from !== null && to !== null && from >= to)
    throw new CommandFailure("--from must be before --to.", "--to itself is not part of the span.");
  return { from, to: to === null ? null : to - 1 };
}

function readMoment(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const moment = Date.parse(text);
  if (!Number.isNaN(moment)) return moment;
  throw new CommandFailure(`--${flag} ${JSON.stringify(text)} is not a date.`, SEE_HELP);
}

/** `npm run audit`. */
export const AUDIT = { name: "audit", help: HELP, commands: COMMANDS };

if (import.meta.main) await runCommands(AUDIT);
