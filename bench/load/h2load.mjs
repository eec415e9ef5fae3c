/** h2load (nghttp2): its arguments and its report. It sends one body over and over, so ids are not distinct. */

/**
 * @param {number} port
 * @param {import('./requests.mjs').Request} request
 * @param {string} file that holds the body
 * @param {number} connections
 * @param {number} streams
 * @param {number} seconds
 */
export function h2loadArguments(port, request, file, connections, streams, seconds) {
  return [
    ...['-t', '1', '-c', String(connections), '-m', String(streams), '-D', String(seconds)],
    ...Object.entries(request.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...['-d', file, `http://127.0.0.1:${port}/mcp`],
  ];
}

/**
 * @param {string} output
 * @param {number} seconds
 */
export function readH2load(output, seconds) {
  const requests = /requests: \d+ total, .* (\d+) failed,/.exec(output);
  const codes = /status codes: (\d+) 2xx, (\d+) 3xx/.exec(output);
  if (requests === null || codes === null) throw new Error(`h2load failed: ${output.slice(-500)}`);
  const replies = Number(codes[1]);
  const bytes = Number(/traffic: .*\((\d+)\) total/.exec(output)?.[1] ?? 0);
  return {
    replies,
    // What is no success is counted as failed already, redirects are not.
    failures: Number(requests[1]) + Number(codes[2]),
    seconds,
    rate: replies / seconds,
    bytes,
    // It says mean and maximum only.
    p50: undefined,
    p95: undefined,
    p99: undefined,
    max: milliseconds(/time for request:\s+\S+\s+(\S+)/.exec(output)?.[1]),
  };
}

/** @param {string | undefined} text such as `1.25ms`, `300us`, `2.1s` */
function milliseconds(text) {
  const [, digits, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? '') ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * (unit === 's' ? 1e3 : unit === 'us' ? 1e-3 : 1);
}
