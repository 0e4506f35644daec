import type { ConnectionAttempt } from "../../shared/audit/record.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";
import { log, logFailure } from "../../shared/observe/log.ts";
import { currentTrace } from "../../shared/observe/trace.ts";

/** Records in a person's chain what another system tried. Never rejects: the refusal stands without its record. */
export async function recordRefusal(
  env: Env,
  connection: string,
  person: string,
  attempt: ConnectionAttempt,
): Promise<void> {
  const event = {
    type: "connection_refusal",
    connection,
    attempt,
    traceId: currentTrace()?.id ?? null,
  } as const;
  log("warn", "connection_refusal", { connection, attempt });
  await principalGate(env, person)
    .record(person, event)
    .catch((failure: unknown) => logFailure("refusal_not_recorded", failure, { connection, attempt }));
}
