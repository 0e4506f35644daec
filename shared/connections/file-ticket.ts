const TICKET = "file_[A-Za-z0-9_-]{43}";
const WHOLE = new RegExp(`^${TICKET}$`);
const WITHIN = new RegExp(TICKET, "g");

/** Whether a text has the form of a ticket; Base64 never has. */
export function looksLikeTicket(text: string): boolean {
  return WHOLE.test(text);
}

/** A JSON value without tickets: who reads one could use it. */
export function withoutTickets<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value).replace(WITHIN, "the file of a ticket")) as Value;
}
