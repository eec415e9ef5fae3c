import type { PromptMessage, Server } from 'ferromcp';
import { PNG } from './media.ts';

const USER_CONTEXT = {
  message: 'What context should the prompt use?',
  requestedSchema: {
    type: 'object',
    properties: { context: { type: 'string' } },
    required: ['context'],
  },
};

export function addResources(server: Server): void {
  server
    .resource(
      'test://static-text',
      { name: 'Static text', description: 'A text that never changes', mimeType: 'text/plain' },
      () => 'This is the content of the static text resource.',
    )
    .resource(
      'test://static-binary',
      { name: 'Static binary', description: 'An image that never changes', mimeType: 'image/png' },
      () => Buffer.from(PNG, 'base64'),
    )
    .resource(
      'test://watched-resource',
      { name: 'Watched resource', description: 'A text to subscribe to', mimeType: 'text/plain' },
      () => 'Content of the watched resource',
    )
    .resourceTemplate(
      'test://template/{id}/data',
      { name: 'Data by id', description: 'Data of one id', mimeType: 'application/json' },
      ({ id }) => ({ id: id ?? '', templateTest: true, data: `Data for ID: ${id ?? ''}` }),
    );
}

const user = (text: string): PromptMessage => ({ role: 'user', content: { type: 'text', text } });

export function addPrompts(server: Server): void {
  server
    .prompt(
      'test_simple_prompt',
      { description: 'A prompt without arguments' },
      () => 'This is a simple prompt for testing.',
    )
    .prompt(
      'test_prompt_with_arguments',
      {
        description: 'A prompt with two arguments',
        arguments: [
          { name: 'arg1', description: 'The first', required: true },
          { name: 'arg2', description: 'The second', required: true },
        ],
        complete: { arg1: ['test1', 'test2', 'testing'], arg2: ['value1', 'value2'] },
      },
      ({ arg1, arg2 }) => `Prompt with arguments: arg1='${arg1 ?? ''}', arg2='${arg2 ?? ''}'`,
    )
    .prompt(
      'test_prompt_with_embedded_resource',
      {
        description: 'A prompt that holds a resource',
        arguments: [{ name: 'resourceUri', description: 'URI of the resource', required: true }],
      },
      ({ resourceUri }) => [
        {
          role: 'user',
          content: {
            type: 'resource',
            resource: {
              uri: resourceUri ?? '',
              mimeType: 'text/plain',
              text: 'Embedded resource content for testing.',
            },
          },
        },
        user('Please process the embedded resource above.'),
      ],
    )
    .prompt('test_prompt_with_image', { description: 'A prompt that holds an image' }, () => [
      { role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } },
      user('Please analyze the image above.'),
    ])
    .prompt(
      'test_input_required_result_prompt',
      { description: 'A prompt that asks the user' },
      async (_args, ctx) => {
        const { content } = await ctx.elicit(USER_CONTEXT, { key: 'user_context' });
        return `Use this context: ${String(content?.['context'] ?? '')}`;
      },
    );
}
