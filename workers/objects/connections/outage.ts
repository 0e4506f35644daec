/** A failure that says that the other system is away, and nothing about the request. */
export class Outage extends Error {
  /** Whether the request may have reached the other system. */
  readonly isSent: boolean;

  constructor(isSent: boolean, cause: unknown) {
    super("The connection failed.", { cause });
    this.name = "Outage";
    this.isSent = isSent;
  }
}
