/** A picture of ratios: horizontal bars with their spread, on a card of its own that is readable in light and dark. */
import { ratio } from './format.mjs';

const WIDTH = 860;
const LEFT = 222;
const RIGHT = 150;
const ROW = 22;
const BAR = 13;
const TOP = 58;
const PANEL_HEAD = 34;
const PANEL_GAP = 14;
const NOTE_LINE = 15;
/** Characters of the note that fit a line. */
const NOTE_WIDTH = 130;

/**
 * @typedef {{ name: string, own: boolean, bare: boolean, value: import('../measure/statistics.mjs').Spread, mark: string }} BarRow
 * @typedef {{ title: string, rows: readonly BarRow[] }} Panel
 * @param {{ title: string, panels: readonly Panel[], note: string }} content
 * @returns {string} SVG
 */
export function bars({ title, panels, note }) {
  const body = [];
  let y = TOP;
  for (const panel of panels) {
    body.push(drawPanel(panel, y));
    y += PANEL_HEAD + panel.rows.length * ROW + PANEL_GAP;
  }
  const marked = panels.some(({ rows }) => rows.some(({ mark }) => mark !== ''));
  const notes = wrap(
    `${marked ? '‡ the load generator was the limit. ' : ''}Whiskers: least and most of the rounds. ${note}`,
  );
  const height = y + notes.length * NOTE_LINE + 12;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${xmlText(title)}">`,
    STYLE,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    `<text class="title" x="20" y="32">${xmlText(title)}</text>`,
    ...body,
    ...notes.map(
      (line, index) => `<text class="note" x="20" y="${y + 6 + index * NOTE_LINE}">${xmlText(line)}</text>`,
    ),
    '</svg>',
  ].join('\n')}\n`;
}

// Colours are chosen to keep their contrast on both backgrounds; programs that know no media queries show the light card.
const STYLE = `<style>
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #1f2328 }
.card { fill: #ffffff; stroke: #d1d9e0 }
.title { font-size: 16px; font-weight: 600 }
.panel { font-size: 13px; font-weight: 600 }
.note { font-size: 10px; fill: #59636e }
.end { text-anchor: end }
.axis { stroke: #818b98; stroke-width: 1 }
.own { fill: #c2410c }
.peer { fill: #7d8fa9 }
.bare { fill: #b6c2d1 }
.whisker { stroke: #1f2328; stroke-width: 1.2 }
.strong { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .card { fill: #0d1117; stroke: #3d444d }
  .note { fill: #9198a1 }
  .own { fill: #f97316 }
  .peer { fill: #6e81a0 }
  .bare { fill: #465264 }
  .whisker { stroke: #f0f6fc }
}
</style>`;

/**
 * @param {Panel} panel
 * @param {number} top
 */
function drawPanel({ title, rows }, top) {
  const most = Math.max(...rows.map(({ value }) => value.max), Number.MIN_VALUE);
  const width = WIDTH - LEFT - RIGHT;
  const x = (/** @type {number} */ value) => round(LEFT + (value / most) * width);
  const lines = [`<text class="panel" x="20" y="${top + 18}">${xmlText(title)}</text>`];
  for (const [index, { name, own, bare, value, mark }] of rows.entries()) {
    const y = top + PANEL_HEAD + index * ROW;
    const middle = y + BAR / 2;
    const kind = own ? 'own' : bare ? 'bare' : 'peer';
    const label = `${ratio(value.median)} ×${mark}`;
    lines.push(
      `<text class="end${own ? ' strong' : ''}" x="${LEFT - 8}" y="${y + 11}">${xmlText(name)}</text>`,
      `<rect class="${kind}" x="${LEFT}" y="${y}" width="${round(x(value.median) - LEFT)}" height="${BAR}" rx="2"/>`,
      `<path class="whisker" d="M${x(value.min)} ${middle}H${x(value.max)}M${x(value.min)} ${y + 3}v${BAR - 6}M${x(value.max)} ${y + 3}v${BAR - 6}"/>`,
      `<text${own ? ' class="strong"' : ''} x="${round(x(value.max) + 8)}" y="${y + 11}">${xmlText(label)}</text>`,
    );
  }
  const bottom = top + PANEL_HEAD + rows.length * ROW - (ROW - BAR) / 2;
  lines.push(`<path class="axis" d="M${LEFT} ${top + PANEL_HEAD - 5}V${bottom}"/>`);
  return lines.join('\n');
}

/** @param {string} text */
function wrap(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const longer = lines[last] === '' ? word : `${lines[last]} ${word}`;
    if (longer.length > NOTE_WIDTH) lines.push(word);
    else lines[last] = longer;
  }
  return lines;
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;

/** @param {string} text */
export function xmlText(text) {
  return text.replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? '&quot;');
}
