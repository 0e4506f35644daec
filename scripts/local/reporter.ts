/** Tells the person what is being done while it is done. */
export interface Reporter {
  /** Announces a step, runs it, and says how long it took. Texts given to `report` appear below it. */
  step<T>(title: string, work: (report: (text: string) => void) => Promise<T>): Promise<T>;
  note(text: string): void;
}

/** A reporter that writes plain lines, so that it reads the same in a terminal and in a build log. */
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
