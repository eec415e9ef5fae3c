import { type ErrorCode, FerroError } from '../../core/errors.ts';
import type { DocumentPath, LocatedDocument, Position } from './located-document.ts';

/** One remark on a configuration file. */
export interface ConfigDiagnostic extends Partial<Position> {
  readonly code: ErrorCode;
  readonly message: string;
  /** Dotted path of the value, e.g. `mcpServers.files.command`. */
  readonly path: string;
}

const SHOWN = 10;

/** Collects what is wrong with one file, so that a user sees everything at once. */
export class Diagnostics {
  readonly file: string;
  readonly warnings: ConfigDiagnostic[] = [];
  readonly #problems: ConfigDiagnostic[] = [];
  readonly #document: LocatedDocument | undefined;

  constructor(file: string, document?: LocatedDocument) {
    this.file = file;
    this.#document = document;
  }

  error(code: ErrorCode, path: DocumentPath, message: string, options: { key?: boolean } = {}): void {
    this.#problems.push(this.#make(code, path, message, options));
  }

  warn(code: ErrorCode, path: DocumentPath, message: string, options: { key?: boolean } = {}): void {
    this.warnings.push(this.#make(code, path, message, options));
  }

  /** @throws FerroError with the code of the first problem; all problems are in `data.problems`. */
  throwIfAny(): void {
    const first = this.#problems[0];
    if (first === undefined) return;
    const lines = this.#problems.slice(0, SHOWN).map((problem) => describe(this.file, problem));
    if (this.#problems.length > SHOWN) lines.push(`and ${this.#problems.length - SHOWN} more`);
    throw new FerroError(first.code, { detail: lines.join('\n'), data: { problems: this.#problems } });
  }

  #make(code: ErrorCode, path: DocumentPath, message: string, options: { key?: boolean }): ConfigDiagnostic {
    return { code, message, path: path.join('.'), ...this.#document?.locate(path, options) };
  }
}

/** `file:line:column: message (path)`, the form editors and terminals make clickable. */
export function describe(file: string, diagnostic: ConfigDiagnostic): string {
  const place = diagnostic.line === undefined ? file : `${file}:${diagnostic.line}:${diagnostic.column ?? 1}`;
  return `${place}: ${diagnostic.message}${diagnostic.path === '' ? '' : ` (${diagnostic.path})`}`;
}
