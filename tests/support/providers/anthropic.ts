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

/** https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/docs/build-with-claude/streaming */
export const anthropic: Protocol = {
  name: 'anthropic',
  headers: { 'request-id': 'req_test' },
  contextRefusal: { status: 400, message: 'prompt is too long: 210000 tokens > 200000 maximum' },
  quotaRefusal: { status: 400, message: 'Your credit balance is too low to access the Anthropic API.' },
  refuse(headers, body, text, rules) {
    const given = headers.get('x-api-key') ?? headers.get('authorization')?.slice('Bearer '.length) ?? '';
    if (given !== rules.key) return { status: 401, message: `invalid x-api-key ${given}` };
    if (!headers.get('anthropic-version')) return bad('anthropic-version: header is required');
    const basic = refuseBasics(body, text, rules);
    if (basic || !body) return basic;
    if (!Number.isInteger(body.max_tokens) || Number(body.max_tokens) < 1)
      return bad('max_tokens: Field required');
    if (typeof body.temperature === 'number' && (body.temperature < 0 || body.temperature > 1)) {
      return bad('temperature: range: 0..1');
    }
    const marks = text.split('"cache_control"').length - 1;
    if (marks > 4) return bad(`A maximum of 4 blocks with cache_control may be provided. Found ${marks}.`);
    return refuseMessages(merged(body.messages as Message[])) ?? refuseTools(body.tools);
  },
  error({ status, message, code }, headers) {
    const type = errorTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
    const error = { type: code?.endsWith('_error') ? code : type, message };
    return Response.json({ type: 'error', error, request_id: 'req_test' }, { status, headers });
  },
  frames(body, turn, usage) {
    const counted = usage === null ? {} : (usage ?? usageOf(body, turn));
    const start = { ...message(body), content: [], stop_reason: null, stop_sequence: null };
    const frames = [
      frame('message_start', {
        message: { ...start, usage: { ...counted, output_tokens: usage === null ? 0 : 1 } },
      }),
      frame('ping', {}),
    ];
    for (const [index, block] of blocks(body, turn).entries()) {
      frames.push(frame('content_block_start', { index, content_block: emptied(block) }));
      for (const delta of deltas(block, turn)) frames.push(frame('content_block_delta', { index, delta }));
      frames.push(frame('content_block_stop', { index }));
    }
    const delta = { stop_reason: stopOf(turn), stop_sequence: null };
    frames.push(frame('message_delta', { delta, usage: { output_tokens: counted.output_tokens ?? 0 } }));
    frames.push(frame('message_stop', {}));
    return frames;
  },
  whole(body, turn, usage) {
    return {
      ...message(body),
      content: blocks(body, turn),
      stop_reason: stopOf(turn),
      stop_sequence: null,
      usage: usage ?? usageOf(body, turn),
    };
  },
  malformed: () => 'event: message_start\ndata: {"type":"message_start","mess\n\n',
  errorEvent: () => frame('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
};

/** Thinking is signed, and must come back with the signature that belongs to it. */
export function signature(thinking: string): string {
  return `sig-${Bun.hash(thinking).toString(16)}`;
}

type Turn = Parameters<Protocol['frames']>[1];
type Block = Record<string, unknown> & { type: string };
interface Message {
  role: string;
  content: string | Block[];
}

const errorTypes: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

const bad = (text: string): Refusal => ({ status: 400, message: text });
const frame = (type: string, value: Body) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...value })}\n\n`;

/** Turns of the same side that follow each other count as one, as the real service has it. */
function merged(messages: readonly Message[]): { role: string; content: Block[] }[] {
  const turns: { role: string; content: Block[] }[] = [];
  for (const { role, content } of messages) {
    const list = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...list);
    else turns.push({ role, content: [...list] });
  }
  return turns;
}

function refuseMessages(turns: readonly { role: string; content: Block[] }[]): Refusal | null {
  if (turns[0]?.role !== 'user') return bad('messages: first message must use the "user" role');
  if (turns.at(-1)?.role !== 'user') return bad('This model does not support assistant message prefill.');
  const ids = new Set<string>();
  for (const [index, turn] of turns.entries()) {
    const at = `messages.${index}`;
    if (turn.role !== 'user' && turn.role !== 'assistant') return bad(`${at}.role: unknown`);
    if (turn.content.length === 0) return bad(`${at}: content is empty`);
    const before = index > 0 ? (turns[index - 1]?.content ?? []) : [];
    const asked = before.filter((block) => block.type === 'tool_use').map((block) => String(block.id));
    const results = turn.content
      .filter((block) => block.type === 'tool_result')
      .map((block) => block.tool_use_id);
    const missing = asked.filter((id) => !results.includes(id));
    if (missing.length > 0)
      return bad(`${at}: tool_use ids without tool_result blocks: ${missing.join(', ')}`);
    if (results.some((id) => !asked.includes(String(id))))
      return bad(`${at}: unexpected tool_use_id in tool_result`);
    if (new Set(results).size !== results.length)
      return bad(`${at}: more than one tool_result for one tool_use`);
    if (turn.content.slice(0, asked.length).some((block) => block.type !== 'tool_result')) {
      return bad(`${at}: tool_result blocks must come first`);
    }
    for (const block of turn.content) {
      const refusal = refuseBlock(block, at, turn.role, ids);
      if (refusal) return refusal;
    }
  }
  return null;
}

function refuseBlock(block: Block, at: string, role: string, ids: Set<string>): Refusal | null {
  if (block.type === 'text') {
    const blank = typeof block.text !== 'string' || block.text.trim() === '';
    return blank ? bad(`${at}: text content blocks must contain non-whitespace text`) : null;
  }
  if (block.type === 'tool_result' && role === 'user') return null;
  if (role !== 'assistant') return bad(`${at}: unexpected block ${block.type}`);
  if (block.type === 'thinking') {
    if (block.signature === signature(String(block.thinking))) return null;
    return bad(`${at}: Invalid \`signature\` in \`thinking\` block`);
  }
  if (block.type !== 'tool_use') return bad(`${at}: unexpected block ${block.type}`);
  const id = String(block.id);
  if (!/^[a-zA-Z0-9_-]+$/.test(id))
    return bad(`${at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
  if (ids.has(id)) return bad(`${at}: \`tool_use\` ids must be unique`);
  ids.add(id);
  const object = typeof block.input === 'object' && block.input !== null && !Array.isArray(block.input);
  return object ? null : bad(`${at}.tool_use.input: Input should be a valid dictionary`);
}

function refuseTools(tools: unknown): Refusal | null {
  if (tools === undefined) return null;
  if (!Array.isArray(tools)) return bad('tools: Input should be a valid list');
  const fine = tools.every((tool) => typeof tool.name === 'string' && tool.input_schema?.type === 'object');
  return fine ? null : bad('tools: input_schema.type: Field required');
}

function message(body: Body): Body {
  return { id: 'msg_test', type: 'message', role: 'assistant', model: body.model };
}

function blocks(body: Body, turn: Turn): Block[] {
  const list: Block[] = [];
  if (turn.thinking) {
    list.push({ type: 'thinking', thinking: turn.thinking, signature: signature(turn.thinking) });
  }
  if (turn.text) list.push({ type: 'text', text: turn.text });
  for (const [index, call] of (turn.tool_calls ?? []).entries()) {
    const id = `toolu_${(body.messages as unknown[]).length}_${index}`;
    list.push({ type: 'tool_use', id, name: call.name, input: call.arguments });
  }
  return list;
}

/** A block as it is announced, before anything of it has come. */
function emptied(block: Block): Block {
  if (block.type === 'thinking') return { type: 'thinking', thinking: '', signature: '' };
  if (block.type === 'text') return { type: 'text', text: '' };
  return { ...block, input: {} };
}

function deltas(block: Block, turn: Turn): Body[] {
  if (block.type === 'text') return words(turn.text).map((text) => ({ type: 'text_delta', text }));
  if (block.type === 'thinking') {
    const thoughts = words(turn.thinking).map((thinking) => ({ type: 'thinking_delta', thinking }));
    return [...thoughts, { type: 'signature_delta', signature: block.signature }];
  }
  const json = argumentsOf({ arguments: block.input });
  return ['', ...pieces(json)].map((partial_json) => ({ type: 'input_json_delta', partial_json }));
}

function stopOf(turn: Turn): string {
  const reasons = { stop: 'end_turn', tool_calls: 'tool_use', length: 'max_tokens' };
  return reasons[turn.finish_reason ?? ((turn.tool_calls?.length ?? 0) > 0 ? 'tool_calls' : 'stop')];
}

function usageOf(body: Body, turn: Turn): Body {
  const cached = turn.usage?.cached_tokens ?? 0;
  const prompt = turn.usage?.input_tokens ?? tokens(JSON.stringify(body.messages));
  return {
    input_tokens: Math.max(0, prompt - cached),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: turn.usage?.output_tokens ?? tokens(JSON.stringify(turn)),
  };
}
