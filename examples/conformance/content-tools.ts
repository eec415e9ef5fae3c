import { setTimeout as sleep } from 'node:timers/promises';
import type { ContentBlock, Server } from 'ferromcp';
import { PNG, WAV } from './media.ts';

const IMAGE: ContentBlock = { type: 'image', data: PNG, mimeType: 'image/png' };
const AUDIO: ContentBlock = { type: 'audio', data: WAV, mimeType: 'audio/wav' };

/** Between two messages of one call, so that they arrive one by one. */
const PACE_MS = 50;
const RECONNECTION_WORK_MS = 100;

/** Every keyword in it must reach the client as written. */
const CONTACT_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const REGION_SCHEMA = {
  type: 'object',
  properties: {
    region: { type: 'string', description: 'Travels in Mcp-Param-Region too', 'x-mcp-header': 'Region' },
    level: { type: 'integer', description: 'Travels in the body only' },
  },
};

/** Tools that answer out of what they know: every kind of content, errors, progress, logging, schemas. */
export function addContentTools(server: Server): void {
  server
    .tool(
      'test_simple_text',
      { description: 'Returns text' },
      () => 'This is a simple text response for testing.',
    )
    .tool('test_image_content', { description: 'Returns an image' }, () => IMAGE)
    .tool('test_audio_content', { description: 'Returns a sound' }, () => AUDIO)
    .tool('test_embedded_resource', { description: 'Returns a resource in the result' }, () => ({
      type: 'resource',
      resource: {
        uri: 'test://embedded-resource',
        mimeType: 'text/plain',
        text: 'This is an embedded resource content.',
      },
    }))
    .tool('test_multiple_content_types', { description: 'Returns text, an image and a resource' }, () => [
      { type: 'text', text: 'Multiple content types test:' },
      IMAGE,
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: JSON.stringify({ test: 'data', value: 123 }),
        },
      },
    ])
    .tool('test_error_handling', { description: 'Fails on purpose' }, () => {
      throw new Error('This tool intentionally returns an error for testing');
    })
    .tool('test_tool_with_logging', { description: 'Logs while it runs' }, async (_args, ctx) => {
      ctx.log('info', 'Tool execution started');
      await sleep(PACE_MS);
      ctx.log('info', 'Tool processing data');
      await sleep(PACE_MS);
      ctx.log('info', 'Tool execution completed');
      return 'Tool with logging executed successfully';
    })
    .tool('test_logging_tool', { description: 'Logs if the request asks for it' }, (_args, ctx) => {
      ctx.log('info', 'A log message of this request');
      return 'logged';
    })
    .tool(
      'test_tool_with_progress',
      { description: 'Reports progress while it runs' },
      async (_args, ctx) => {
        for (const progress of [0, 50, 100]) {
          ctx.progress({ progress, total: 100 });
          await sleep(PACE_MS);
        }
        return 'Tool with progress executed successfully';
      },
    )
    .tool('test_reconnection', { description: 'Takes a moment' }, async () => {
      await sleep(RECONNECTION_WORK_MS);
      return 'Reconnection test completed successfully.';
    })
    .tool(
      'json_schema_2020_12_tool',
      { description: 'Takes what a JSON Schema of 2020-12 can say', input: CONTACT_SCHEMA },
      (args) => `Called with ${JSON.stringify(args)}`,
    )
    .tool(
      'test_x_mcp_header',
      { description: 'Has an argument that is mirrored in a header', input: REGION_SCHEMA },
      ({ region }) => `region=${String(region ?? '<none>')}`,
    );
}
