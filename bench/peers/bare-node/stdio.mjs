// One parse a line; the replies to what came in one chunk leave in one write.
import { answer } from './answer.mjs';

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  let out = '';
  for (const line of lines) {
    const reply = answer(JSON.parse(line));
    if (reply !== undefined) out += `${reply}\n`;
  }
  if (out !== '') process.stdout.write(out);
});
