/**
 * What every peer serves: echo, add, lookup, burn, runs and fillers up to the number of tools asked for (20 or 300), and
 * one resource. `lookup` and the resource are the ones a cache may answer; `runs` says how often they really ran.
 */
const CACHE_KEYS = 64;

/** Port to listen on. */
export const PORT = Number(process.env.PORT);
/** Tools in the list. */
export const TOOL_COUNT = Number(process.env.TOOLS ?? 20);
/** The resource every peer has that knows resources. */
export const RECORD_URI = 'bench://record';

const runs = { lookup: 0, record: 0 };

/** The text of the resource. */
export function readRecord() {
  runs.record += 1;
  return `record ${'0123456789'.repeat(20)}`;
}

function burn(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
  return 'done';
}

const string = (description) => ({ type: 'string', description });
const number = (description) => ({ type: 'number', description });
const object = (properties, required) => ({ type: 'object', properties, required });

const FILLER_SCHEMA = object(
  {
    query: string('Search text'),
    limit: { type: 'integer', description: 'Max rows', minimum: 1, maximum: 100 },
    tags: { type: 'array', items: { type: 'string' } },
  },
  ['query'],
);

const filler = (index) => ({
  name: `tool_${String(index).padStart(3, '0')}`,
  description: `Filler tool number ${index}: searches the records of a data source and returns matching rows as text.`,
  schema: FILLER_SCHEMA,
  shape: (z) => ({
    query: z.string().describe('Search text'),
    limit: z.number().int().min(1).max(100).optional().describe('Max rows'),
    tags: z.array(z.string()).optional(),
  }),
  run: ({ query }) => query,
});

const NAMED = [
  {
    name: 'echo',
    description: 'Echo the message',
    schema: object({ message: string('Text to echo') }, ['message']),
    shape: (z) => ({ message: z.string().describe('Text to echo') }),
    run: ({ message }) => message,
  },
  {
    name: 'add',
    description: 'Add two numbers',
    schema: object({ a: number('Left'), b: number('Right') }, ['a', 'b']),
    shape: (z) => ({ a: z.number().describe('Left'), b: z.number().describe('Right') }),
    run: ({ a, b }) => String(a + b),
  },
  {
    name: 'lookup',
    description: `Text of one of ${CACHE_KEYS} records`,
    cacheable: true,
    schema: object({ key: string('Which record') }, ['key']),
    shape: (z) => ({ key: z.string().describe('Which record') }),
    run: ({ key }) => {
      runs.lookup += 1;
      return `value of ${key}`;
    },
  },
  {
    name: 'burn',
    description: 'Keep the processor busy',
    schema: object({ ms: number('Milliseconds') }, ['ms']),
    shape: (z) => ({ ms: z.number().describe('Milliseconds') }),
    run: ({ ms }) => burn(ms),
  },
  {
    name: 'runs',
    description: 'How often lookup and the record ran',
    schema: object({}, []),
    shape: () => ({}),
    run: () => `${runs.lookup} ${runs.record}`,
  },
];

/** The tools, in order: name, description, JSON Schema, Zod shape (given Zod), and a function from arguments to text. */
export const TOOLS = [
  ...NAMED,
  ...Array.from({ length: TOOL_COUNT - NAMED.length }, (_, index) => filler(NAMED.length + index + 1)),
];

/** A tool result of one text. */
export const text = (value) => ({ content: [{ type: 'text', text: value }] });
