/** Numbers and tables as text. */

/** @param {number | undefined} value */
export const whole = (value) =>
  value === undefined || !Number.isFinite(value) ? '–' : Math.round(value).toLocaleString('en-US');

/** @param {number | undefined} value @param {number} digits */
export const fixed = (value, digits) =>
  value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);

/** Ratios: two digits that matter. @param {number | undefined} value */
export const ratio = (value) =>
  fixed(value, value !== undefined && value >= 100 ? 0 : value !== undefined && value < 1 ? 2 : 1);

/**
 * Median with its spread.
 * @param {import('../measure/statistics.mjs').Spread} spread
 * @param {(value: number) => string} format
 */
export function spreadText({ median, min, max, count }, format) {
  if (count === 0) return '–';
  return count === 1 ? format(median) : `${format(median)} (${format(min)}–${format(max)})`;
}

/**
 * A table for a terminal: the first column to the left, the others to the right.
 * @param {readonly (readonly string[])[]} rows the first is the head
 */
export function plainTable(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * The same in Markdown.
 * @param {readonly (readonly string[])[]} rows
 */
export function markdownTable(rows) {
  const [head = [], ...body] = rows;
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...body.map(line)].join(
    '\n',
  );
}
