import { gzipSync } from "node:zlib";
import { type BundleParts, buildWithParts } from "../check/bundle.ts";

/** Parts that a deployment may leave off, by what switches each on, and the files that are its own. */
const PARTS: readonly { name: string; on: string; files: RegExp }[] = [
  { name: "single sign-on", on: "`sign_in.providers`", files: /^workers\/gateway\/single-sign-on\// },
  { name: "ID-JAG", on: "`id_jag: accepted`", files: /^workers\/gateway\/oauth\/id-jag\.ts$/ },
  { name: "SCIM", on: "`SCIM_TOKEN`", files: /^workers\/gateway\/scim\// },
  { name: "passkeys", on: "a person adds one", files: /^workers\/gateway\/passkeys\// },
  {
    name: "API keys and service accounts",
    on: "a person makes one",
    files: /^workers\/gateway\/(keys|service-tokens)\//,
  },
  { name: "e-mail", on: "`EMAIL_FROM`", files: /^workers\/gateway\/mail\// },
  {
    name: "people in the console",
    on: "the right `people`",
    files: /^(workers\/gateway\/console\/people\/|shared\/people\/(import|invite|read-people-file)\.ts)/,
  },
];

/**
 * Prints what each part adds to the upload: its own files, and the packages that nothing else needs. `at start` runs in
 * every isolate; the rest is loaded by the first request that needs it. Shares of the minified script's bytes, times its
 * size in gzip.
 */
export async function printParts(): Promise<void> {
  const { files, parts } = await buildWithParts("production");
  const script = files.find(({ name }) => name.endsWith(".js"));
  const output = Object.values(parts.outputs).find(({ entryPoint }) => entryPoint !== undefined);
  if (script === undefined || output?.entryPoint === undefined) throw new Error("The build has no script.");
  const sizes = new Map(
    Object.entries(output.inputs).map(([name, { bytesInOutput }]) => [name, bytesInOutput]),
  );
  const total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const gzip = gzipSync(script.bytes).byteLength / 1024;
  const weigh = (names: Iterable<string>) =>
    ([...names].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) / total) * gzip;
  const entry = output.entryPoint;
  const [all, atStart] = [reach(parts, entry, true), reach(parts, entry, false)];
  console.log(
    "| part | switched on by | at start | with the first request that needs it |\n|---|---|---|---|",
  );
  for (const { name, on, files: own } of PARTS) {
    const without = reach(parts, entry, true, own);
    const gone = [...all].filter((file) => !without.has(file));
    const early = gone.filter((file) => atStart.has(file));
    const late = gone.filter((file) => !atStart.has(file));
    console.log(`| ${name} | ${on} | ${weigh(early).toFixed(1)} KiB | ${weigh(late).toFixed(1)} KiB |`);
  }
}

/** The files that a start reaches, with or without what is imported later; never through files that are left out. */
function reach({ inputs }: BundleParts, entry: string, late: boolean, left?: RegExp): Set<string> {
  const found = new Set([entry]);
  for (const name of found) {
    for (const { path, kind } of inputs[name]?.imports ?? []) {
      const isSkipped = left?.test(path) === true || (!late && kind === "dynamic-import");
      if (!isSkipped) found.add(path);
    }
  }
  return found;
}
