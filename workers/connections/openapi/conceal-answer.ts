import { concealSecrets } from "../http/conceal-secrets.ts";
import type { HttpAnswer } from "./operation.ts";

/** An answer without the secrets that the other system has seen. What the other system says is looked at, and not the frame. */
export function concealAnswer(answer: HttpAnswer, secrets: readonly string[]): HttpAnswer {
  const conceal = <Value>(value: Value): Value => concealSecrets(value, secrets);
  const { items, result, total, file, next } = answer;
  return {
    ...answer,
    items: conceal(items),
    result: conceal(result),
    total: conceal(total) === total ? total : null,
    file: file && { ...file, name: conceal(file.name), media_type: conceal(file.media_type) },
    next: conceal(next),
  };
}
