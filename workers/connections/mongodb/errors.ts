import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";

/** Our words for an error of MongoDB (`error_codes.yml`); `null` when the server is away. */
export function explainMongodb(
  failure: unknown,
  { entry, name }: ConnectionTarget,
): ConnectionFailure | null {
  if (!(failure instanceof Error)) return null;
  const { code } = failure as { code?: unknown };
  const invalid = (message: string, action?: string): ConnectionFailure => ({
    code: "invalid_input",
    message,
    ...(action !== undefined && { action }),
  });
  // The driver refuses a wrong password with a message alone.
  if (/authentication failed|auth failed|bad auth/i.test(failure.message) || code === 18) {
    return {
      code: "unavailable",
      message: `${entry.title} refuses the account of this connection.`,
      action: "Ask its owner to set the password again.",
    };
  }
  if (failure.name !== "MongoServerError" || typeof code !== "number") return null;
  switch (code) {
    case 50:
    case 262:
      return {
        code: "timeout",
        message: `${entry.title} stopped the request after its time limit.`,
        action: "Narrow it with filters, or aggregate less.",
      };
    case 13:
      return { code: "forbidden", message: `The account of ${entry.title} may not do this.` };
    case 26:
      return invalid(
        "The collection is not there any more.",
        `Look the names up with ${name}_search_objects.`,
      );
    case 2:
    case 9:
    case 14:
    case 17:
    case 31249:
    case 40415:
      return invalid(
        "A stage, operator or value does not fit the others.",
        "Check names and types of the fields.",
      );
    case 292:
    case 146:
    case 10334:
    case 17419:
    case 17420:
      return invalid(
        "The request needs more memory than the server gives one.",
        "Filter first, group by fewer values, or sort by an indexed field.",
      );
    case 241:
    case 34471:
    case 16006:
    case 16554:
    case 16610:
    case 16608:
      return invalid(
        "An operator does not fit the type of a value.",
        "Convert it, with $convert and onError.",
      );
    // Not the primary, shutting down, interrupted: another member answers soon.
    case 91:
    case 189:
    case 11600:
    case 11602:
    case 10107:
    case 13435:
    case 13436:
      return null;
    default:
      return invalid(`${entry.title} refuses the request (code ${code}).`);
  }
}
