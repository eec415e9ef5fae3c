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
  let json = 0;
  let sse = 0;
  for (const range of value.split(',')) {
    const [type, ...parameters] = range.split(';');
    const quality = qualityOf(parameters);
    // A more specific range wins over a wildcard, whatever their order.
    switch (type?.trim().toLowerCase()) {
      case 'application/json':
        json = specific(quality);
        break;
      case 'text/event-stream':
        sse = specific(quality);
        break;
      case 'application/*':
        json ||= quality;
        break;
      case 'text/*':
        sse ||= quality;
        break;
      case '*/*':
        json ||= quality;
        sse ||= quality;
        break;
      default:
    }
  }
  return { json: json > 0, sse: sse > 0 };
}

/** A refused type stays refused even when a wildcard follows. */
function specific(quality: number): number {
  return quality > 0 ? quality : -1;
}

function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const match = /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(parameter);
    if (match !== null) return Number(match[1]);
  }
  return 1;
}
