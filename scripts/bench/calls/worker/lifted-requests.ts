/**
 * Replaces the limit of requests other than calls: a bench makes more in a second than apps do in a minute.
 */
export class RequestLimiter {
  take(): number {
    return 0;
  }
}
