/**
 * Error -32042 (2025-11-25): the request can only succeed after the user has opened URLs. The modern era has no such
 * error; there the URLs are an input request, and the request is made anew once they were accepted.
 */
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonValue } from '../core/json.ts';
import type { CallToolResult, InputRequest, InputRequests, InputResponses } from '../core/mcp.ts';
import type { RequestContext } from '../protocol/context.ts';
import { isCapable, requiredCapability } from '../protocol/input-answers.ts';
import { isSafeUrl } from './questions.ts';

const URL_ELICITATION_REQUIRED = -32042;
const MAX_URLS = 16;

/** The input requests behind such an error; undefined when it is another error or names no usable URL. */
export function urlElicitations(error: unknown): InputRequests | undefined {
  if (!(error instanceof RpcError) || error.rpcCode !== URL_ELICITATION_REQUIRED) return undefined;
  const listed = isJsonObject(error.data) ? error.data['elicitations'] : undefined;
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > MAX_URLS) return undefined;
  const requests: Record<string, InputRequest> = {};
  for (const [index, item] of (listed as readonly JsonValue[]).entries()) {
    if (!isJsonObject(item) || !isSafeUrl(item['url'])) return undefined;
    const { elicitationId, message } = item;
    requests[`url-${index + 1}`] = {
      method: 'elicitation/create',
      params: {
        mode: 'url',
        message: typeof message === 'string' ? message : 'Open this address to continue',
        url: item['url'],
        ...(typeof elicitationId === 'string' ? { elicitationId } : {}),
      },
    };
  }
  return requests;
}

/** @throws FerroError CAPABILITY_MISSING */
export function assertUrlCapable(context: RequestContext, requests: InputRequests): void {
  for (const request of Object.values(requests)) {
    if (isCapable(context.clientCapabilities, request)) continue;
    throw new FerroError('CAPABILITY_MISSING', {
      detail: 'elicitation.url',
      data: { requiredCapabilities: requiredCapability(request) },
    });
  }
}

/** True when the user agreed to every URL. */
export function allAccepted(responses: InputResponses | undefined): boolean {
  const answers = Object.values(responses ?? {});
  return answers.length > 0 && answers.every((answer) => answer['action'] === 'accept');
}

/** What a call becomes whose URL the user would not open. */
export function declined(method: string): CallToolResult {
  if (method !== 'tools/call') {
    throw new FerroError('CLIENT_INPUT_FAILED', { detail: 'the user did not open the address' });
  }
  return {
    content: [
      { type: 'text', text: 'The user did not open the address this tool needs to be visited first.' },
    ],
    isError: true,
  };
}
