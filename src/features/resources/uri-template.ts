import { RE2JS } from 're2js';
import { FerroError } from '../../core/errors.ts';

export type TemplateVariables = Readonly<Record<string, string | readonly string[]>>;

interface Variable {
  readonly name: string;
  readonly explode: boolean;
  readonly maxLength: number | undefined;
  readonly operator: Operator;
}

type Operator = '' | '+' | '#' | '.' | '/' | ';' | '?' | '&';

interface OperatorRule {
  readonly first: string;
  readonly separator: string;
  /** `name=value` pairs instead of bare values. */
  readonly named: boolean;
  /** Characters a value may have before decoding, as the inside of a character class. */
  readonly chars: string;
}

const UNRESERVED = "A-Za-z0-9\\-._~%!$'()*";
const RESERVED = `${UNRESERVED}:/?#\\[\\]@&+,;=`;
/** RFC 6570, 3.2 and appendix A. */
const RULES: Readonly<Record<Operator, OperatorRule>> = {
  '': { first: '', separator: ',', named: false, chars: `${UNRESERVED}:@+` },
  '+': { first: '', separator: ',', named: false, chars: RESERVED },
  '#': { first: '#', separator: ',', named: false, chars: RESERVED },
  '.': { first: '.', separator: '.', named: false, chars: `${UNRESERVED}:@+` },
  '/': { first: '/', separator: '/', named: false, chars: `${UNRESERVED}:@+` },
  ';': { first: ';', separator: ';', named: true, chars: `${UNRESERVED}:@+` },
  '?': { first: '?', separator: '&', named: true, chars: `${UNRESERVED}:@+` },
  '&': { first: '&', separator: '&', named: true, chars: `${UNRESERVED}:@+` },
};

const EXPRESSION = /\{([+#./;?&]?)([^{}]*)\}/g;
const VARSPEC = /^([A-Za-z0-9_%.]+)(?::([1-9][0-9]{0,3})|(\*))?$/;
const MAX_TEMPLATE = 2_048;
const MAX_VARIABLES = 32;
/** Longest URI that is matched. */
const MAX_URI = 8_192;

/**
 * A URI template (RFC 6570, all four levels), matched in linear time. Values come out decoded once. Outside reserved
 * expansion (`{+x}`, `{#x}`) a value cannot smuggle a path: one that holds a separator or is a dot segment after
 * decoding does not match.
 */
export class UriTemplate {
  readonly template: string;
  readonly variables: readonly string[];
  readonly #pattern: RE2JS;
  readonly #parts: readonly Variable[];

  /** @throws FerroError SCHEMA_INVALID when the text is not a template */
  constructor(template: string) {
    if (template.length > MAX_TEMPLATE) throw invalid('longer than 2048 characters');
    this.template = template;
    const parts: Variable[] = [];
    let pattern = '';
    let end = 0;
    for (const match of template.matchAll(EXPRESSION)) {
      pattern += literal(template.slice(end, match.index));
      end = match.index + match[0].length;
      pattern += expression((match[1] ?? '') as Operator, match[2] ?? '', parts);
    }
    pattern += literal(template.slice(end));
    if (parts.length > MAX_VARIABLES) throw invalid(`more than ${MAX_VARIABLES} variables`);
    this.#parts = parts;
    this.variables = parts.map((part) => part.name);
    this.#pattern = RE2JS.compile(`^${pattern}$`);
  }

  /** The variables that make the template this URI, or undefined. */
  match(uri: string): TemplateVariables | undefined {
    if (uri.length > MAX_URI) return undefined;
    const matcher = this.#pattern.matcher(uri);
    if (!matcher.matches()) return undefined;
    const values: Record<string, string | readonly string[]> = Object.create(null) as Record<string, string>;
    for (const [index, part] of this.#parts.entries()) {
      const raw = matcher.group(index + 1);
      if (raw === null || raw === undefined) continue;
      const value = part.explode ? decodeList(raw, part) : decodeOne(raw, part);
      if (value === undefined) return undefined;
      // A variable that occurs twice must mean the same.
      if (Object.hasOwn(values, part.name) && String(values[part.name]) !== String(value)) return undefined;
      values[part.name] = value;
    }
    return values;
  }
}

function invalid(detail: string): FerroError {
  return new FerroError('SCHEMA_INVALID', { detail: `URI template: ${detail}` });
}

function literal(text: string): string {
  if (/[{}]/.test(text)) throw invalid('unbalanced brace');
  return RE2JS.quote(text);
}

function expression(operator: Operator, body: string, parts: Variable[]): string {
  const rule = RULES[operator];
  let pattern = '';
  for (const [index, spec] of body.split(',').entries()) {
    const match = VARSPEC.exec(spec);
    const name = match?.[1];
    if (match === null || name === undefined)
      throw invalid(`bad expression {${operator}${body.slice(0, 60)}}`);
    const explode = match[3] !== undefined;
    const maxLength = match[2] === undefined ? undefined : Number(match[2]);
    parts.push({ name, explode, maxLength, operator });
    const lead = RE2JS.quote(index === 0 ? rule.first : rule.separator);
    // An exploded list repeats the separator inside one group.
    const chars = explode
      ? rule.chars + RE2JS.quote(rule.separator).replace(/\\Q|\\E/g, '') + (rule.named ? '=' : '')
      : rule.chars;
    const value =
      explode && rule.named
        ? `([${chars}]*)`
        : rule.named
          ? `${RE2JS.quote(name)}(?:=([${chars}]*))?`
          : `([${chars}]*)`;
    // Undefined variables leave nothing behind, so everything after the first character is optional.
    pattern += rule.first === '' && index === 0 ? value : `(?:${lead}${value})?`;
  }
  return pattern;
}

function decodeOne(raw: string, part: Variable): string | undefined {
  const text = decode(raw);
  if (text === undefined || hasControl(text)) return undefined;
  if (part.maxLength !== undefined && [...text].length > part.maxLength) return undefined;
  const reserved = part.operator === '+' || part.operator === '#';
  const segments = text.split(/[\\/]/);
  if (segments.some((segment) => segment === '..' || segment === '.')) return undefined;
  if (!reserved && /[/\\?#]/.test(text)) return undefined;
  return text;
}

function decodeList(raw: string, part: Variable): readonly string[] | undefined {
  const { separator, named } = RULES[part.operator];
  const values: string[] = [];
  for (const item of raw.split(separator)) {
    const text = named ? item.slice(item.indexOf('=') + 1) : item;
    const value = decodeOne(text, part);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function decode(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
