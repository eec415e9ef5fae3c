import type { ElicitFormParams } from 'ferromcp';

/** A default for every type of field (2025-11-25, elicitation, Requested Schema). */
export const ELICIT_DEFAULTS: ElicitFormParams = {
  message: 'Please review and update the form fields with defaults',
  requestedSchema: {
    type: 'object',
    properties: {
      name: { type: 'string', description: 'User name', default: 'John Doe' },
      age: { type: 'integer', description: 'User age', default: 30 },
      score: { type: 'number', description: 'User score', default: 95.5 },
      status: {
        type: 'string',
        description: 'User status',
        enum: ['active', 'inactive', 'pending'],
        default: 'active',
      },
      verified: { type: 'boolean', description: 'Whether the user is verified', default: true },
    },
    required: [],
  },
};

const OPTIONS = ['option1', 'option2', 'option3'];

const titled = (titles: readonly string[]) =>
  titles.map((title, index) => ({ const: `value${index + 1}`, title }));

/** Every form a choice can take (2025-11-25, elicitation, Enum Schema). */
export const ELICIT_ENUMS: ElicitFormParams = {
  message: 'Please select options from the enum fields',
  requestedSchema: {
    type: 'object',
    properties: {
      untitledSingle: { type: 'string', description: 'One of several', enum: OPTIONS },
      titledSingle: {
        type: 'string',
        description: 'One of several, with titles',
        oneOf: titled(['First Option', 'Second Option', 'Third Option']),
      },
      legacyEnum: {
        type: 'string',
        description: 'One of several, with titles as before 2025-11-25',
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: {
        type: 'array',
        description: 'Any of several',
        items: { type: 'string', enum: OPTIONS },
      },
      titledMulti: {
        type: 'array',
        description: 'Any of several, with titles',
        items: { anyOf: titled(['First Choice', 'Second Choice', 'Third Choice']) },
      },
    },
    required: [],
  },
};
