/** Reports progress to the user. */
export interface Reporter {
  /** Announces a step, runs it, and prints its duration. Texts passed to `report` appear below it. */
  step<T>(title: string, work: (report: (text: string) => void) => Promise<T>): Promise<T>;
  note(text: string): void;
}

/** A reporter that writes plain lines, for terminals and build logs. */
export function createReporter(write: (line: string) => void = console.log): Reporter {
  return {
    async step(title, work) {
      const began = performance.now();
      write(`• ${title} …`);
      const result = await work((text) => write(`    ${text}`));
      write(`  done in ${((performance.now() - began) / 1000).toFixed(1)} s`);
      return result;
    },
    note(text) {
      write(`• ${text}`);
    },
  };
}
