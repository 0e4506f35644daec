import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Unstable_Config } from "wrangler";
import { KEY_NAMES } from "../../shared/auth/keyring.ts";
import { CODE_LOADER } from "../../shared/server/code/loader.ts";
import { checkConfiguration } from "../../workers/gateway/configuration.ts";
import { EMAIL_BINDING } from "../../workers/gateway/mail/mailer.ts";
import { OPTIONAL_SECRETS } from "../../workers/gateway/optional-secrets.ts";
import { BASE_EN } from "../../workers/knowledge/vectors/models.ts";
import { ENVIRONMENTS, listSecretNames, readEnvironment } from "../local/project.ts";
import { ROOT } from "../local/root.ts";
import type { Check } from "./definition.ts";
import { listSourceFiles } from "./source-files.ts";

const PAGE = "docs/configuration.md";

/** One name that the code or `wrangler.toml` uses. */
export interface Setting {
  name: string;
  /** The heading of the page under which its row stands. */
  section: "Variables" | "Secrets" | "Bindings" | "Commands";
  /** Texts that its row must hold: a default value, the name of a database. */
  mentions: readonly string[];
  /** Whether the Worker refuses to serve without it. */
  required: boolean;
}

/** The reference of the configuration names what `wrangler.toml`, the Worker and the commands use, and nothing else. */
export const configuration: Check = {
  name: "configuration",
  ensures: `${PAGE} names every variable, secret and binding, with its default`,
  async run() {
    const settings = await listSettings();
    const page = await readFile(path.join(ROOT, PAGE), "utf8").catch(() => "");
    return { summary: `${settings.length} settings`, findings: compareWithPage(page, settings) };
  },
};

/**
 * What the page lacks, and what it names that the code does not use. A name with `*` in the page stands for every
 * setting that it matches.
 */
export function compareWithPage(page: string, settings: readonly Setting[]): string[] {
  const rows = readRows(page);
  const findings = settings.flatMap((setting) => {
    const { name, section, mentions, required } = setting;
    const row = rows.find((candidate) => candidate.section === section && covers(candidate.name, name));
    if (!row) return [`${PAGE}: ${name} has no row under «${section}».`];
    const missing = mentions.filter((text) => !row.text.includes(text));
    return [
      ...missing.map((text) => `${PAGE}:${row.line} does not say ${text} in the row of ${name}.`),
      ...(row.text.includes("**required**") === required
        ? []
        : [
            `${PAGE}:${row.line} says that ${name} is ${required ? "optional" : "required"}; the Worker ${required ? "refuses to serve" : "serves"} without it.`,
          ]),
    ];
  });
  const unused = rows.filter(
    (row) => !settings.some(({ section, name }) => section === row.section && covers(row.name, name)),
  );
  return [
    ...findings,
    ...unused.map(({ name, line }) => `${PAGE}:${line} names ${name}, which nothing uses.`),
  ];
}

/** Everything that can be configured, from `wrangler.toml`, the binding types, the keys and the commands. */
async function listSettings(): Promise<Setting[]> {
  const production = readEnvironment("production");
  const secrets = new Set<string>([...KEY_NAMES, ...listSecretNames(), ...OPTIONAL_SECRETS]);
  const bindings = new Map<string, string[]>();
  for (const environment of ENVIRONMENTS) {
    for (const [name, resource] of listBindings(readEnvironment(environment))) {
      // The page names what production uses; staging and local differ by a prefix.
      bindings.set(name, [
        ...(bindings.get(name) ?? []),
        ...(environment === "production" ? [resource] : []),
      ]);
    }
  }
  // Bound by those who want it.
  for (const name of [BASE_EN.binding, CODE_LOADER, EMAIL_BINDING])
    bindings.set(name, bindings.get(name) ?? []);
  const variables = new Map(Object.entries(production.vars).map(([name, value]) => [name, String(value)]));
  for (const name of await readTypedNames()) {
    if (!variables.has(name) && !secrets.has(name) && !bindings.has(name)) bindings.set(name, []);
  }
  const agents = [...bindings.keys()].filter((name) => name.endsWith("_AGENT"));
  const databases = production.d1_databases.map(({ binding }) => binding);
  const required = new Set(checkConfiguration({}, agents, databases).map(({ name }) => name));
  const describe = (section: Setting["section"]) => (name: string) => ({
    name,
    section,
    mentions: [] as readonly string[],
    required: required.has(name),
  });
  return [
    ...[...variables].map(([name, value]) => ({
      ...describe("Variables")(name),
      mentions: value.split(/\s+/).filter((word) => word !== ""),
    })),
    ...[...secrets].map(describe("Secrets")),
    ...[...bindings].map(([name, mentions]) => ({
      ...describe("Bindings")(name),
      mentions: name.endsWith("_AGENT") ? [] : mentions,
    })),
    ...(await listCommandVariables()).map(describe("Commands")),
  ];
}

/** Bindings of an environment, each with what it is bound to. */
function listBindings(config: Unstable_Config): [string, string][] {
  return [
    ...config.kv_namespaces.map(({ binding }): [string, string] => [binding, binding]),
    ...config.d1_databases.map(({ binding, database_name }): [string, string] => [
      binding,
      database_name ?? binding,
    ]),
    ...config.r2_buckets.map(({ binding, bucket_name }): [string, string] => [
      binding,
      String(bucket_name ?? binding),
    ]),
    ...config.vectorize.map(({ binding, index_name }): [string, string] => [
      binding,
      String(index_name ?? binding),
    ]),
    ...config.durable_objects.bindings.map(({ name, class_name }): [string, string] => [name, class_name]),
    ...(config.queues.producers ?? []).map(({ binding, queue }): [string, string] => [
      binding,
      String(queue ?? binding),
    ]),
    ...(config.ai ? [[config.ai.binding, config.ai.binding] as [string, string]] : []),
  ];
}

/** Names of the Worker's environment as `worker-configuration.d.ts` has them. */
async function readTypedNames(): Promise<string[]> {
  const types = await readFile(path.join(ROOT, "worker-configuration.d.ts"), "utf8");
  const [, body = ""] = /interface __BaseEnv_Env \{([\s\S]*?)\n\}/.exec(types) ?? [];
  return [...body.matchAll(/^\t(\w+)\??:/gm)].map(([, name = ""]) => name);
}

/** Variables of the shell that the commands and tests read; those of wrangler are its own. */
async function listCommandVariables(): Promise<string[]> {
  const files = await listSourceFiles(["scripts", "test"]);
  const texts = await Promise.all(files.map((file) => readFile(path.join(ROOT, file), "utf8")));
  const found = texts.flatMap((text) => [
    ...text.matchAll(/(?:process\.env|environment)\.(PORT|CHROME_PATH|GATEHOUSE_[A-Z_]+)/g),
  ]);
  return [...new Set(found.map(([, name = ""]) => name))].sort();
}

interface Row {
  name: string;
  section: string;
  text: string;
  line: number;
}

/** The table rows of the page that begin with a name in backticks. */
function readRows(page: string): Row[] {
  const rows: Row[] = [];
  let section = "";
  for (const [index, text] of page.split("\n").entries()) {
    if (text.startsWith("## ")) section = text.slice(3).trim();
    const [, name] = /^\| `([A-Z_*][A-Z0-9_*]*)` \|/.exec(text) ?? [];
    if (name !== undefined) rows.push({ name, section, text, line: index + 1 });
  }
  return rows;
}

function covers(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return pattern === name;
  const [before = "", after = ""] = pattern.split("*");
  return name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after);
}
