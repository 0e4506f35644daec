import type { CallRecord } from "./call-outbox.ts";

/**
 * Queue consumer: writes a batch of finished calls to `PLATFORM_DB`. A record that comes twice is written once, so
 * a redelivered batch does no harm. A failure throws, and the queue delivers again or to its dead-letter queue.
 */
export async function writeCallLog(batch: MessageBatch<unknown>, env: Env): Promise<void> {
  const records = batch.messages.map((message) => message.body as CallRecord);
  await env.PLATFORM_DB.prepare(
    `INSERT OR IGNORE INTO call_log
       (call_id, at, trace_id, user_id, client_id, session_id, lane, kind, server, name, status, duration_ms, bytes)
     SELECT value ->> 'callId', value ->> 'at', value ->> 'traceId', value ->> 'userId', value ->> 'clientId',
            value ->> 'sessionId', value ->> 'lane', value ->> 'kind', value ->> 'server', value ->> 'name',
            value ->> 'status', value ->> 'durationMs', value ->> 'bytes'
       FROM json_each(?)`,
  )
    .bind(JSON.stringify(records))
    .run();
}
