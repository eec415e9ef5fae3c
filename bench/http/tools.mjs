/** The 20 tools every peer serves: echo, add and 18 fillers with a typical schema. */
export const FILLERS = Array.from({ length: 18 }, (_, index) => ({
  name: `tool_${String(index + 3).padStart(2, '0')}`,
  description: `Filler tool number ${index + 3}: searches the records of a data source and returns matching rows as text.`,
}));

export const SCHEMAS = {
  echo: {
    type: 'object',
    properties: { message: { type: 'string', description: 'Text to echo' } },
    required: ['message'],
  },
  add: {
    type: 'object',
    properties: { a: { type: 'number', description: 'Left' }, b: { type: 'number', description: 'Right' } },
    required: ['a', 'b'],
  },
  filler: {
    type: 'object',
    properties: {
      query: { type: 'string', description: 'Search text' },
      limit: { type: 'integer', description: 'Max rows', minimum: 1, maximum: 100 },
      tags: { type: 'array', items: { type: 'string' } },
    },
    required: ['query'],
  },
};

/** The same schemas for servers that want Zod. */
export const zodShapes = (z) => ({
  echo: { message: z.string().describe('Text to echo') },
  add: { a: z.number().describe('Left'), b: z.number().describe('Right') },
  filler: {
    query: z.string().describe('Search text'),
    limit: z.number().int().min(1).max(100).optional().describe('Max rows'),
    tags: z.array(z.string()).optional(),
  },
});

export const text = (value) => ({ content: [{ type: 'text', text: value }] });
export const PORT = Number(process.env.PORT);
