import { CommandFailure } from "../local/failure.ts";
import { ENVIRONMENTS, type EnvironmentName } from "../local/project.ts";
import { openPlatformDatabase, type TrailDatabase } from "./database.ts";
import type { Addressee } from "./notify-worker.ts";

/** Options of a command that works on the storage of an environment. */
export const PLACE = { env: { type: "string", default: "local" }, state: { type: "string" } } as const;

/** Options of a command that also needs the address of the running Gatehouse. */
export const ADDRESS = { ...PLACE, url: { type: "string" } } as const;

/** Values of {@link PLACE}. */
export interface Place {
  env: string;
  state?: string | undefined;
}

/** Opens the platform database of the environment that a command names. */
export function openPlatform(place: Place): TrailDatabase {
  return openPlatformDatabase(placedIn(place), place.state);
}

/** The environment that a command names. */
export function environmentOf({ env }: Pick<Place, "env">): EnvironmentName {
  const environment = ENVIRONMENTS.find((name) => name === env);
  if (environment !== undefined) return environment;
  throw new CommandFailure(`--env must be one of ${ENVIRONMENTS.join(", ")}.`, "Without it, it is local.");
}

function placedIn(place: Place): EnvironmentName {
  const environment = environmentOf(place);
  if (environment === "local" || place.state === undefined) return environment;
  throw new CommandFailure(
    `--state names a folder of this machine, and --env ${environment} has none.`,
    "Leave one of them out.",
  );
}

/** The Gatehouse that a command names by values of {@link ADDRESS}. */
export function addresseeOf({ url, ...place }: Place & { url?: string | undefined }): Addressee {
  if (url === undefined || URL.canParse(url))
    return { environment: placedIn(place), stateFolder: place.state, url };
  throw new CommandFailure(
    "--url must be an address.",
    "Write it in full: --url https://gatehouse.company.com",
  );
}
