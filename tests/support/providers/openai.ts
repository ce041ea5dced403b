import {
  argumentsOf,
  type Body,
  type Protocol,
  pieces,
  type Refusal,
  refuseBasics,
  tokens,
  words,
} from './protocol';

/** https://platform.openai.com/docs/api-reference/chat */
export const openai: Protocol = {
  name: 'openai',
  headers: { 'x-request-id': 'req_test' },
  contextRefusal: {
    status: 400,
    code: 'context_length_exceeded',
    message:
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
  },
  quotaRefusal: {
    status: 429,
    code: 'insufficient_quota',
    message: 'You exceeded your current quota, please check your plan and billing details.',
  },
  refuse(headers, body, text, rules) {
    if (headers.get('authorization') !== `Bearer ${rules.key}`) {
      const given = headers.get('authorization')?.slice('Bearer '.length) ?? '';
      return { status: 401, code: 'invalid_api_key', message: `Incorrect API key provided: ${given}.` };
    }
    const basic = refuseBasics(body, text, rules);
    if (basic || !body) return basic;
    if ('max_tokens' in body && 'max_completion_tokens' in body) {
      return bad('Setting both max_tokens and max_completion_tokens is not supported.');
    }
    if (typeof body.temperature === 'number' && (body.temperature < 0 || body.temperature > 2)) {
      return bad('temperature must be between 0 and 2');
    }
    return refuseMessages(body.messages as Message[]) ?? refuseTools(body.tools);
  },
  error(refusal, headers) {
    const { message, code = null, param = null, status } = refusal;
    const type =
      code === 'insufficient_quota' ? code : status >= 500 ? 'server_error' : 'invalid_request_error';
    return Response.json({ error: { message, type, param, code } }, { status, headers });
  },
  frames(body, turn, usage) {
    const head = { id: 'chatcmpl-test', object: 'chat.completion.chunk', created: 1, model: body.model };
    const chunk = (delta: Body, finish_reason: string | null = null) =>
      frame({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] });
    const frames = [chunk({ role: 'assistant', content: '' }), ': keep-alive\n\n'];
    for (const word of words(turn.thinking)) frames.push(chunk({ reasoning_content: word }));
    for (const word of words(turn.text)) frames.push(chunk({ content: word }));
    for (const [index, call] of (turn.tool_calls ?? []).entries()) {
      const start = { name: call.name, arguments: '' };
      frames.push(
        chunk({ tool_calls: [{ index, id: callId(body, index), type: 'function', function: start }] }),
      );
      for (const piece of pieces(argumentsOf(call))) {
        frames.push(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }));
      }
    }
    frames.push(chunk({}, finishOf(turn)));
    const options = body.stream_options as { include_usage?: boolean } | undefined;
    if (options?.include_usage && usage !== null) {
      frames.push(frame({ ...head, choices: [], usage: usage ?? usageOf(body, turn) }));
    }
    frames.push('data: [DONE]\n\n');
    return frames;
  },
  whole(body, turn, usage) {
    const toolCalls = (turn.tool_calls ?? []).map((call, index) => ({
      id: callId(body, index),
      type: 'function',
      function: { name: call.name, arguments: argumentsOf(call) },
    }));
    const message = {
      role: 'assistant',
      content: turn.text ?? null,
      ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
    };
    return {
      id: 'chatcmpl-test',
      object: 'chat.completion',
      created: 1,
      model: body.model,
      choices: [{ index: 0, message, finish_reason: finishOf(turn) }],
      ...(usage === null ? {} : { usage: usage ?? usageOf(body, turn) }),
    };
  },
  malformed: () => 'data: {"id":"chatcmpl-test","choices":[{"index":0,"del\n\n',
  errorEvent: () =>
    frame({ error: { message: 'The server is overloaded', type: 'server_error', code: null } }),
};

type Turn = Parameters<Protocol['frames']>[1];

interface Message {
  role: string;
  content?: unknown;
  tool_call_id?: string;
  tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[];
}

const frame = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const bad = (message: string): Refusal => ({ status: 400, message });

function refuseMessages(messages: readonly Message[]): Refusal | null {
  let open = new Set<string>();
  const ids = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (message.role === 'tool') {
      if (!open.delete(message.tool_call_id ?? '')) {
        return bad(
          `${at}: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.`,
        );
      }
      if (typeof message.content !== 'string') return bad(`${at}.content: expected a string`);
      continue;
    }
    if (open.size > 0) {
      return bad(`${at}: tool_call_ids did not have response messages: ${[...open].join(', ')}`);
    }
    if (!['system', 'developer', 'user', 'assistant'].includes(message.role))
      return bad(`${at}: unknown role`);
    if (message.role !== 'assistant') {
      if (typeof message.content !== 'string') return bad(`${at}.content: expected a string`);
      continue;
    }
    const calls = message.tool_calls;
    if (calls === undefined && typeof message.content !== 'string')
      return bad(`${at}: content or tool_calls`);
    if (calls?.length === 0) return bad(`${at}.tool_calls: empty array`);
    for (const call of calls ?? []) {
      if (ids.has(call.id) || call.id === '' || call.id.length > 64)
        return bad(`${at}: bad or repeated call id`);
      if (call.type !== 'function' || !/^[a-zA-Z0-9_-]{1,64}$/.test(call.function.name)) {
        return bad(`${at}: bad tool call`);
      }
      if (!isObject(call.function.arguments)) return bad(`${at}: arguments are not a JSON object`);
      ids.add(call.id);
    }
    open = new Set(calls?.map((call) => call.id));
  }
  return open.size > 0 ? bad(`tool_call_ids did not have response messages: ${[...open].join(', ')}`) : null;
}

function refuseTools(tools: unknown): Refusal | null {
  if (tools === undefined) return null;
  if (!Array.isArray(tools) || tools.length === 0) return bad('tools: expected a non-empty array');
  const fine = tools.every(
    (tool) => tool.type === 'function' && tool.function?.parameters?.type === 'object',
  );
  return fine ? null : bad('tools: each needs type function and parameters of an object');
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function callId(body: Body, index: number): string {
  return `call_${(body.messages as unknown[]).length}_${index}`;
}

function finishOf(turn: Turn): string {
  return turn.finish_reason ?? ((turn.tool_calls?.length ?? 0) > 0 ? 'tool_calls' : 'stop');
}

function usageOf(body: Body, turn: Turn): Body {
  const prompt = turn.usage?.input_tokens ?? tokens(JSON.stringify(body.messages));
  const completion = turn.usage?.output_tokens ?? tokens(JSON.stringify(turn));
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: turn.usage?.cached_tokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: turn.usage?.reasoning_tokens ?? 0 },
  };
}
