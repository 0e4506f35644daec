import { type ParseArgsConfig, parseArgs } from "node:util";
import { measureDistance } from "../../shared/text/edit-distance.ts";
import { CommandFailure, reportFailure } from "./failure.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Values of the options that a command takes. */
export type Values<Taken extends Options> = ReturnType<
  typeof parseArgs<{ options: Taken; allowPositionals: true }>
>["values"];

/** A command with everything that it takes. */
export interface Command {
  readonly takes: Options;
  /** Arguments without a dash, as the help writes them: `<needed>`, `[other]`, and last `<names…>` for any number. */
  readonly words: readonly string[];
  readonly run: (values: never, words: readonly string[]) => unknown;
}

/** A script of `npm run`. The command without a name runs when the first argument names none. */
export interface Script {
  /** As after `npm run`. */
  readonly name: string;
  readonly help: string;
  readonly commands: Readonly<Record<string, Command>>;
}

const HELP = { help: { type: "boolean", short: "h" } } as const;

/** Declares a command: the options and words that it takes, and its function, which receives these and no others. */
export function command<const Taken extends Options>(
  { takes, words = [] }: { takes: Taken; words?: readonly string[] },
  run: (values: Values<Taken>, words: readonly string[]) => unknown,
): Command {
  return { takes, words, run };
}

/** Runs the command that the arguments name, or prints the help. Nothing runs with an argument that it does not take. */
export async function runScript(
  script: Script,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const run = readCommandLine(script, args);
  if (run === null) console.log(script.help);
  else await run();
}

/** Runs a script that takes nothing. */
export async function runAlone(name: string, help: string, run: () => Promise<void>): Promise<void> {
  try {
    await runScript({ name, help, commands: { "": command({ takes: {} }, run) } });
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  }
}

/**
 * The command that the arguments name, ready to run; `null` for the help. Throws a {@link CommandFailure} for an
 * argument that this command does not take, so that nothing is ignored that should restrict it.
 */
export function readCommandLine(
  { name: script, commands }: Script,
  args: readonly string[],
): (() => unknown) | null {
  const names = Object.keys(commands).filter((name) => name !== "");
  const known: Options = Object.assign({}, ...Object.values(commands).map(({ takes }) => takes), HELP);
  const { tokens } = parseArgs({ args: [...args], options: known, strict: false, tokens: true });
  const given = tokens.filter((token) => token.kind === "option");
  const all = tokens.filter((token) => token.kind === "positional").map(({ value }) => value);
  const [first] = all;
  const named = names.length === 0 || first === undefined ? undefined : first;
  const found = commands[named !== undefined && Object.hasOwn(commands, named) ? named : ""];
  const seeHelp = `For the commands: npm run ${script} -- --help`;

  const needsWords = found?.words.some((word) => word.startsWith("<")) ?? true;
  if (args.length === 0 && needsWords) return null;
  if (given.some(({ name }) => name === "help") && found?.takes.help === undefined) return null;
  if (found === undefined || (named !== undefined && found === commands[""])) {
    const strange = given.find(({ name }) => !Object.hasOwn(known, name));
    // Its value would be taken for the command.
    if (strange !== undefined) refuse(script, strange.rawName, [], Object.keys(known));
    const nearest = named === undefined ? undefined : nearestOf(named, names);
    throw new CommandFailure(
      named === undefined ? "Name a command." : `There is no command "${named}".`,
      nearest === undefined ? seeHelp : `Did you mean "${nearest}"? ${seeHelp}`,
    );
  }
  const who = named === undefined ? script : `${script} ${named}`;
  const words = named === undefined ? all : all.slice(1);
  const seen = new Set<string>();
  for (const { name, rawName, value, inlineValue } of given) {
    const option = Object.hasOwn(found.takes, name) ? found.takes[name] : undefined;
    if (option === undefined) refuse(who, rawName, found.words, Object.keys(found.takes));
    if (seen.has(name) && !option.multiple)
      throw new CommandFailure(`${who} takes ${rawName} once.`, seeHelp);
    seen.add(name);
    if (option.type === "boolean" && value !== undefined)
      throw new CommandFailure(`${rawName} of ${who} takes no value.`, seeHelp);
    if (option.type === "string" && value === undefined)
      throw new CommandFailure(`${rawName} of ${who} needs a value.`, seeHelp);
    if (option.type === "string" && !inlineValue && /^-./.test(value ?? ""))
      throw new CommandFailure(
        `${rawName} of ${who} needs a value.`,
        `A value that begins with a dash is written ${rawName}=-….`,
      );
  }
  // Without its text, because a password may have slipped in.
  if (words.length > found.words.length && !/…[\]>]?$/.test(found.words.at(-1) ?? ""))
    throw new CommandFailure(
      `${who} was given an argument too many.`,
      `${listTaken(found.words, Object.keys(found.takes))} A value with spaces needs quotes.`,
    );
  const { values } = parseArgs({
    args: [...args],
    options: { ...found.takes, ...HELP },
    allowPositionals: true,
  });
  return () => found.run(values as never, words);
}

/** Throws for two options of which each makes the other one without effect. */
export function refuseBoth(
  who: string,
  values: Readonly<Record<string, unknown>>,
  [one, other]: readonly [string, string],
): void {
  if (isGiven(values[one]) && isGiven(values[other]))
    throw new CommandFailure(`${who} takes --${one} or --${other}, not both.`, "Leave one of them out.");
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false;
}

function refuse(who: string, option: string, words: readonly string[], taken: readonly string[]): never {
  const nearest = nearestOf(option.replace(/^-+/, ""), taken);
  const taking = listTaken(words, taken);
  throw new CommandFailure(
    `${who} does not take ${option}.`,
    nearest === undefined ? taking : `Did you mean --${nearest}? ${taking}`,
  );
}

function listTaken(words: readonly string[], taken: readonly string[]): string {
  const options = taken.filter((name) => name !== "help").map((name) => `--${name}`);
  const list = [...words, ...options];
  return list.length === 0 ? "It takes no options." : `It takes: ${list.join(", ")}.`;
}

/** The name of which `text` is probably a misspelling. */
function nearestOf(text: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(text.length / 3));
  const near = names.map((name) => ({ name, distance: measureDistance(text.toLowerCase(), name) }));
  return near.filter(({ distance }) => distance <= most).sort((a, b) => a.distance - b.distance)[0]?.name;
}
