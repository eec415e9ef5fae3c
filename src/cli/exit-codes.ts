/** What the process says to its caller when it ends. */
export const EXIT = {
  ok: 0,
  /** The thing asked for ran and failed: a tool's own error, problems found by `doctor`, a module that throws. */
  failed: 1,
  /** Wrong command line, wrong or missing configuration or file. */
  usage: 2,
  /** No connection, a broken protocol, an error answer of the server, an address that cannot be listened on. */
  connection: 3,
  /** A defect of ferromcp itself. */
  internal: 4,
  /** Ended by SIGINT before the work was done (128 + 2). */
  interrupted: 130,
  /** Ended by SIGTERM before the work was done (128 + 15). */
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** One line for each exit code, for the reference. */
export const EXIT_DESCRIPTIONS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'Done; for `gateway` and `serve`: shut down cleanly, or the peer on stdio ended',
  failed:
    'What was asked for ran and failed: the tool answered with `isError`, `doctor` found problems, the served module threw',
  usage: 'Wrong command line, or a wrong or missing configuration, module or argument file',
  connection:
    'No connection, a broken protocol, an error answer of the server, or an address that cannot be listened on',
  internal: 'A defect of ferromcp itself; run again with `--debug` for the stack',
  interrupted: 'Ended by SIGINT before the work was done, or by a second SIGINT during shutdown',
  terminated: 'Ended by a second SIGTERM during shutdown',
};
