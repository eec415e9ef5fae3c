import { FerroError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { ClientCapabilities, InputRequest, InputRequests } from '../core/mcp.ts';

/** Checks a value against a JSON Schema; undefined when it fits. Wired to the schema cache. */
export type ContentCheck = (schema: JsonObject, value: unknown) => boolean;

/** The capability a client must declare before it may be asked, as error -32021 names it. */
export function requiredCapability(request: InputRequest): ClientCapabilities {
  switch (request.method) {
    case 'elicitation/create':
      return { elicitation: request.params.mode === 'url' ? { url: {} } : {} };
    case 'sampling/createMessage': {
      const usesTools = request.params.tools !== undefined || request.params.toolChoice !== undefined;
      return { sampling: usesTools ? { tools: {} } : {} };
    }
    case 'roots/list':
      return { roots: {} };
  }
}

/** True when the client has declared what the request needs (`elicitation: {}` means form mode). */
export function isCapable(capabilities: ClientCapabilities, request: InputRequest): boolean {
  switch (request.method) {
    case 'elicitation/create': {
      const declared = capabilities.elicitation;
      if (declared === undefined) return false;
      if (request.params.mode === 'url') return declared.url !== undefined;
      return declared.form !== undefined || declared.url === undefined;
    }
    case 'sampling/createMessage': {
      if (capabilities.sampling === undefined) return false;
      return (
        requiredCapability(request).sampling?.tools === undefined || capabilities.sampling.tools !== undefined
      );
    }
    case 'roots/list':
      return capabilities.roots !== undefined;
  }
}

/** @throws FerroError CAPABILITY_MISSING naming every capability the requests need and the client lacks. */
export function assertCapable(capabilities: ClientCapabilities, requests: InputRequests): void {
  let missing: Record<string, JsonObject> | undefined;
  for (const request of Object.values(requests)) {
    if (isCapable(capabilities, request)) continue;
    missing = { ...missing, ...(requiredCapability(request) as Record<string, JsonObject>) };
  }
  if (missing === undefined) return;
  throw new FerroError('CAPABILITY_MISSING', {
    detail: Object.keys(missing).join(', '),
    data: { requiredCapabilities: missing },
  });
}

/** True when `answer` is a usable result of `request`. Clients are not trusted to answer what was asked. */
export function isValidAnswer(
  request: InputRequest,
  answer: unknown,
  check: ContentCheck,
): answer is JsonObject {
  if (!isJsonObject(answer)) return false;
  switch (request.method) {
    case 'elicitation/create': {
      const { action, content } = answer;
      if (action !== 'accept' && action !== 'decline' && action !== 'cancel') return false;
      if (action !== 'accept' || request.params.mode === 'url') return true;
      return isJsonObject(content) && check(request.params.requestedSchema, content);
    }
    case 'sampling/createMessage':
      return (
        typeof answer['model'] === 'string' &&
        (answer['role'] === 'assistant' || answer['role'] === 'user') &&
        typeof answer['content'] === 'object' &&
        answer['content'] !== null
      );
    case 'roots/list': {
      const roots = answer['roots'];
      return (
        Array.isArray(roots) && roots.every((root) => isJsonObject(root) && typeof root['uri'] === 'string')
      );
    }
  }
}
