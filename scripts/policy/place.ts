import { CommandFailure } from "../local/failure.ts";
import { ENVIRONMENTS, type EnvironmentName } from "../local/project.ts";
import { openPlatformDatabase, type TrailDatabase } from "../platform/database.ts";

/** Environment of a command. */
export interface Place {
  env: string;
  state?: string | undefined;
}

/** Opens the platform database of the environment that a command names. */
export function openPlatform(place: Place): TrailDatabase {
  return openPlatformDatabase(environmentOf(place), place.state);
}

/** The environment that a command names. */
export function environmentOf({ env }: Pick<Place, "env">): EnvironmentName {
  const environment = ENVIRONMENTS.find((name) => name === env);
  if (environment !== undefined) return environment;
  throw new CommandFailure(
    `--env must be one of ${ENVIRONMENTS.join(", ")}.`,
    "See: npm run policy -- --help",
  );
}
