// The part of jasmine-core that run.ts uses; the package ships no types.
declare module 'jasmine-core' {
  export interface SpecResult {
    readonly fullName: string;
    readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
    readonly failedExpectations: readonly { readonly message: string }[];
  }
  interface Environment {
    configure(settings: {
      random: boolean;
      forbidDuplicateNames: boolean;
      specFilter(spec: { getFullName(): string }): boolean;
    }): void;
    clearReporters(): void;
    addReporter(reporter: { specDone(result: SpecResult): void; suiteDone(result: SpecResult): void }): void;
    execute(): Promise<unknown>;
  }
  const jasmineCore: {
    installGlobals(destination: object): void;
    jasmine: { DEFAULT_TIMEOUT_INTERVAL: number; getEnv(): Environment };
  };
  export default jasmineCore;
}
