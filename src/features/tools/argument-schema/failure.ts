import type { CallToolResult } from '../../../core/mcp.ts';
import { MAX_ISSUES, truncate, type ValidationIssue } from '../../../protocol/schema/index.ts';

/** `_meta` key of the machine-readable form of an argument failure: `{ issues: ValidationIssue[] }`. */
export const ARGUMENT_ISSUES = 'ferromcp/argumentIssues';

function line(issue: ValidationIssue): string {
  const where = issue.path === '' ? 'the arguments' : issue.path;
  const hint = issue.hint === undefined ? '' : ` — ${issue.hint}`;
  return `- ${where}: ${issue.message}${hint}`;
}

/**
 * The tool result that tells a model what is wrong with its arguments (SEP-1303: an argument failure is a result with
 * `isError`, not a protocol error). Carries paths, expectations, types and hints, never the values.
 */
export function argumentFailure(tool: string, issues: readonly ValidationIssue[]): CallToolResult {
  const shown = issues.slice(0, MAX_ISSUES);
  const more = issues.length >= MAX_ISSUES ? [`- only the first ${MAX_ISSUES} problems are listed`] : [];
  const text = [`Invalid arguments for tool ${truncate(tool)}:`, ...shown.map(line), ...more].join('\n');
  return {
    isError: true,
    content: [{ type: 'text', text }],
    _meta: {
      [ARGUMENT_ISSUES]: {
        issues: shown.map(({ path, keyword, message, hint }) => ({
          path,
          keyword,
          message,
          ...(hint === undefined ? {} : { hint }),
        })),
      },
    },
  };
}
