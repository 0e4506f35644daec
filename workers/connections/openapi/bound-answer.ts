import { RefusedRequest } from "../connector.ts";
import type { HttpAnswer } from "./operation.ts";

/** An answer of at most `bytes` characters: rows that do not fit are left out and counted, one large result is refused. */
export function boundAnswer(answer: HttpAnswer, bytes: number, title: string): HttpAnswer {
  const size = JSON.stringify(answer).length;
  if (size <= bytes) return answer;
  const tooLarge = new RefusedRequest({
    code: "result_too_large",
    message: `${title} answers with ${size} characters; at most ${bytes} are passed on.`,
    action: "Ask for less: name the fields that you need, narrower filters, or a smaller page.",
  });
  if (answer.items === null) throw tooLarge;
  let left = bytes - 300;
  const kept = answer.items.findIndex((row) => {
    left -= JSON.stringify(row).length + 1;
    return left < 0;
  });
  if (kept <= 0) throw tooLarge;
  return { ...answer, items: answer.items.slice(0, kept), cut: answer.items.length - kept };
}
