import type { AskedStanding } from "../../approvals/standing.ts";

const DAY_MS = 24 * 60 * 60_000;

/**
 * Reads the form that approves further calls: `bound:<argument>` is `same`, `any` or `range` with `least:` and `most:`.
 * A sentence when it cannot be understood; what is too wide is for the requester's object to refuse.
 */
export function readStandingForm(form: URLSearchParams, now: number): AskedStanding | string {
  const [calls, days] = [readWhole(form.get("calls")), readWhole(form.get("days"))];
  if (calls === null || days === null)
    return "Give the number of calls and of days as whole numbers from 1 on.";
  const bounds: [string, AskedStanding["bounds"][string]][] = [];
  for (const [field, kind] of form) {
    if (!field.startsWith("bound:")) continue;
    const name = field.slice("bound:".length);
    if (kind === "any") bounds.push([name, { kind }]);
    if (kind !== "range") continue;
    const [least, most] = [readNumber(form.get(`least:${name}`)), readNumber(form.get(`most:${name}`))];
    if (least === null || most === null || least > most)
      return `Give the least and the most that "${name}" may be, as numbers.`;
    bounds.push([name, { kind, least, most }]);
  }
  return { bounds: Object.fromEntries(bounds), calls, until: now + days * DAY_MS };
}

function readWhole(text: string | null): number | null {
  return /^[1-9]\d{0,5}$/.test(text ?? "") ? Number(text) : null;
}

function readNumber(text: string | null): number | null {
  return /^-?\d{1,15}(\.\d{1,9})?$/.test(text ?? "") ? Number(text) : null;
}
