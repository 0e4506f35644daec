import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { ASSERTION_ALGORITHMS } from "../../../shared/auth/public-key.ts";
import { GrantRefused } from "./refused.ts";

/** Most characters of an assertion. */
const MOST_CHARACTERS = 16 * 1024;
/** Seconds by which clocks may differ. */
const CLOCK_SECONDS = 60;

/** What an assertion must say. */
interface Expected {
  issuer: string;
  /** Any subject, when absent. */
  subject?: string;
  /** The assertion names one of these, and nothing else: another audience could use it here. */
  audiences: readonly string[];
  /** Types in the header that are accepted besides none and `JWT`. */
  types: readonly string[];
  /** Most seconds from its issue, or from now if it does not state that, to its end. */
  mostSeconds: number;
}

/** The claims of an assertion that was verified. */
export interface Assertion {
  claims: JWTPayload & { sub: string; exp: number };
  /** Name of this assertion at its issuer; `null` if it has none. */
  id: string | null;
}

/**
 * Verifies a JSON Web Token as assertion (RFC 7523 §3, RFC 8725): signature with a given key and one of our algorithms,
 * issuer, subject, the one audience, time and lifetime. Gives what it says, or the name of the check that failed. Throws
 * {@link GrantRefused} only when the keys cannot be read.
 */
export async function verifyAssertion(
  assertion: string,
  key: JWTVerifyGetKey | CryptoKey,
  { issuer, subject, audiences, types, mostSeconds }: Expected,
): Promise<Assertion | { fault: string; cause?: unknown }> {
  if (assertion === "" || assertion.length > MOST_CHARACTERS) return { fault: "size" };
  try {
    const { typ } = decodeProtectedHeader(assertion);
    if (!isType(typ, types)) return { fault: "typ" };
    const options = {
      algorithms: [...ASSERTION_ALGORITHMS],
      issuer,
      audience: [...audiences],
      requiredClaims: ["sub", "exp"],
      clockTolerance: CLOCK_SECONDS,
      ...(subject !== undefined && { subject }),
    };
    const { payload } =
      typeof key === "function"
        ? await jwtVerify(assertion, key, options)
        : await jwtVerify(assertion, key, options);
    return judge(payload, mostSeconds);
  } catch (failure) {
    if (failure instanceof GrantRefused) throw failure;
    if (failure instanceof errors.JWTClaimValidationFailed) return { fault: failure.claim, cause: failure };
    if (failure instanceof errors.JOSEError) return { fault: failure.code, cause: failure };
    // Text that is no token at all.
    if (failure instanceof TypeError || failure instanceof SyntaxError)
      return { fault: "form", cause: failure };
    throw failure;
  }
}

/** `iss` of an assertion that is not verified yet: it only chooses whose keys verify it. Empty if it cannot be read. */
export function readIssuer(assertion: string): string {
  try {
    return String(decodeJwt(assertion).iss ?? "");
  } catch {
    return "";
  }
}

function judge(payload: JWTPayload, mostSeconds: number): Assertion | { fault: string } {
  const { sub, exp, iat, jti, aud } = payload;
  const now = Math.floor(Date.now() / 1000);
  if (typeof sub !== "string" || sub === "" || exp === undefined) return { fault: "sub" };
  if (Array.isArray(aud) && aud.length !== 1) return { fault: "aud" };
  if (iat !== undefined && iat > now + CLOCK_SECONDS) return { fault: "iat" };
  if (exp - Math.min(iat ?? now, now) > mostSeconds + CLOCK_SECONDS) return { fault: "lifetime" };
  const id = typeof jti === "string" && jti !== "" ? jti : null;
  return { claims: { ...payload, sub, exp }, id };
}

function isType(typ: unknown, types: readonly string[]): boolean {
  if (typ === undefined) return true;
  if (typeof typ !== "string") return false;
  const name = typ.toLowerCase().replace(/^application\//, "");
  return name === "jwt" || types.includes(name);
}
