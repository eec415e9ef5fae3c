/** Expansion of `${…}` in configuration strings. */

export interface VariableScope {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names that are not environment variables, e.g. `workspaceFolder`. They win over the environment. */
  readonly predefined: Readonly<Record<string, string>>;
}

export interface ExpansionProblem {
  readonly variable: string;
  readonly message: string;
}

export interface Expansion {
  readonly text: string;
  readonly problems: readonly ExpansionProblem[];
}

/** Environment variable that answers the VS Code prompt `${input:<id>}`. */
export function inputVariable(id: string): string {
  return `FERROMCP_INPUT_${id.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/**
 * Replaces `${NAME}`, `${env:NAME}`, either with `:-default`, `${input:id}` and the predefined names. Text that merely
 * looks similar (`$NAME`, `${not a name}`) stays as it is. Values are inserted once and never expanded again.
 */
export function expandVariables(text: string, scope: VariableScope): Expansion {
  const problems: ExpansionProblem[] = [];
  let result = '';
  let rest = 0;
  for (;;) {
    const open = text.indexOf('${', rest);
    const close = open === -1 ? -1 : text.indexOf('}', open);
    if (open === -1 || close === -1) break;
    const inner = text.slice(open + 2, close);
    const value = resolve(inner, scope, problems);
    result += text.slice(rest, open) + (value ?? text.slice(open, close + 1));
    rest = close + 1;
  }
  return { text: result + text.slice(rest), problems };
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function resolve(inner: string, scope: VariableScope, problems: ExpansionProblem[]): string | undefined {
  if (Object.hasOwn(scope.predefined, inner)) return scope.predefined[inner];
  const defaultAt = inner.indexOf(':-');
  const reference = defaultAt === -1 ? inner : inner.slice(0, defaultAt);
  const fallback = defaultAt === -1 ? undefined : inner.slice(defaultAt + 2);
  const colon = reference.indexOf(':');
  const kind = colon === -1 ? 'env' : reference.slice(0, colon);
  const name = reference.slice(colon + 1);
  if (colon !== -1 && !/^[A-Za-z]+$/.test(kind)) return undefined;
  if (kind === 'input') {
    const variable = inputVariable(name);
    const value = scope.env[variable] || fallback;
    if (value !== undefined) return value;
    problems.push({
      variable: inner,
      message: `the prompt \${${inner}} cannot be shown here; set the environment variable ${variable}`,
    });
    return undefined;
  }
  if (colon !== -1 && kind !== 'env') {
    problems.push({
      variable: inner,
      message: `\${${inner}}: variables of kind "${kind}" are not supported`,
    });
    return undefined;
  }
  if (!NAME.test(name)) return undefined;
  // Like a shell: `:-` also replaces an empty value.
  const value = fallback === undefined ? scope.env[name] : scope.env[name] || fallback;
  if (value !== undefined) return value;
  problems.push({
    variable: inner,
    message: `the environment variable ${name} is not set; set it, or give a default: \${${inner}:-default}`,
  });
  return undefined;
}
