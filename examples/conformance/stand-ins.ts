import type { CreateMessageParams, CreateMessageResult, ElicitParams, ElicitResult } from 'ferromcp';

type Content = NonNullable<ElicitResult['content']>;
type Field = { readonly type?: string; readonly default?: Content[string] };

const LEAST: Content = { string: 'text', number: 0, integer: 0, boolean: true, array: [] };

/** Stands in for a user who leaves a form as it is: defaults stay, what is required without one is filled in. */
export async function acceptDefaults(params: ElicitParams): Promise<ElicitResult> {
  if (params.mode === 'url') return { action: 'accept' };
  const properties = (params.requestedSchema['properties'] ?? {}) as Record<string, Field>;
  const required = new Set((params.requestedSchema['required'] ?? []) as readonly string[]);
  const content: Record<string, Content[string]> = {};
  for (const [name, field] of Object.entries(properties)) {
    const value = field.default ?? (required.has(name) ? LEAST[field.type ?? 'string'] : undefined);
    if (value !== undefined) content[name] = value;
  }
  return { action: 'accept', content };
}

/** Stands in for a model. */
export async function answerByModel({ messages }: CreateMessageParams): Promise<CreateMessageResult> {
  const text = `I have read ${messages.length} messages.`;
  return { role: 'assistant', content: { type: 'text', text }, model: 'stand-in', stopReason: 'endTurn' };
}
