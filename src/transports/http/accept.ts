const MAX_LENGTH = 1_024;

export interface Accepted {
  readonly json: boolean;
  readonly sse: boolean;
}

const BOTH: Accepted = { json: true, sse: true };
const NEITHER: Accepted = { json: false, sse: false };

/** What an `Accept` header allows; a missing one allows everything (RFC 9110, 12.5.1). */
export function readAccept(value: string | undefined): Accepted {
  if (value === undefined || value === 'application/json, text/event-stream') return BOTH;
  if (value.length > MAX_LENGTH) return NEITHER;
  let json = UNNAMED;
  let sse = UNNAMED;
  for (const range of value.split(',')) {
    const [type, ...parameters] = range.split(';');
    const quality = qualityOf(parameters);
    switch (type?.trim().toLowerCase()) {
      case 'application/json':
        json = closer(json, 3, quality);
        break;
      case 'text/event-stream':
        sse = closer(sse, 3, quality);
        break;
      case 'application/*':
        json = closer(json, 2, quality);
        break;
      case 'text/*':
        sse = closer(sse, 2, quality);
        break;
      case '*/*':
        json = closer(json, 1, quality);
        sse = closer(sse, 1, quality);
        break;
      default:
    }
  }
  return { json: json.quality > 0, sse: sse.quality > 0 };
}

/** The range that names a type most closely so far. */
interface Match {
  readonly closeness: number;
  readonly quality: number;
}

const UNNAMED: Match = { closeness: 0, quality: 0 };

/** The closest range decides, whatever the order (RFC 9110, 12.5.1): a refused type stays refused beside a wildcard. */
function closer(match: Match, closeness: number, quality: number): Match {
  return closeness >= match.closeness ? { closeness, quality } : match;
}

function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const match = /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(parameter);
    if (match !== null) return Number(match[1]);
  }
  return 1;
}
