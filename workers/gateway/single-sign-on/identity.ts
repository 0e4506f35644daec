import type { Claims } from "../../../shared/policy/sign-in/claims.ts";
import type { ProviderDocument } from "../../../shared/policy/sign-in/sign-in.ts";

/** A provider of the policy in force, with its name there. */
export interface Provider<Document extends ProviderDocument = ProviderDocument> {
  name: string;
  document: Document;
}

/** A person as an issuer vouches for them. */
export interface FederatedIdentity {
  issuer: string;
  /** Names the person at the issuer, for ever. */
  subject: string;
  /** In lower case; `null` if the issuer gives none that is possible. */
  email: string | null;
  emailVerified: boolean;
  name: string | null;
  claims: Claims;
  /** When the person last proved there who they are, in milliseconds since the epoch; `null` if it does not say. */
  provenAt: number | null;
  /** When a second factor was used there that the policy trusts; `null` for none. */
  mfaAt: number | null;
}

/** Why a sign-in with a provider ends. The message is ours and for the person; `cause` is for the log. */
export class SignInEnded extends Error {
  readonly kind: "refused" | "away" | "again";

  /**
   * @param kind - `refused`: this person does not come in; `away`: the issuer cannot be asked; `again`: this attempt
   *   does not count, another may
   */
  constructor(kind: SignInEnded["kind"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "SignInEnded";
    this.kind = kind;
  }
}
