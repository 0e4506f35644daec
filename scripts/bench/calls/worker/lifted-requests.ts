/** Stands in for the limit of requests that are no calls: a bench asks more in a second than apps do in a minute. */
export class RequestLimiter {
  take(): number {
    return 0;
  }
}
