/** A model's wish to use a tool. `arguments` is null when what came was not a JSON object; then `raw` holds it. */
export interface ToolCall {
  id: string;
  name: string;
  arguments: Record<string, unknown> | null;
  raw?: string;
}

export interface UserMessage {
  role: 'user';
  text: string;
}

export interface AssistantMessage {
  role: 'assistant';
  text: string;
  tool_calls: ToolCall[];
  /** What the adapter must send back unchanged with this message (signed thinking, for one). */
  provider_state?: unknown;
}

/** The answer to one tool call. */
export interface ToolMessage {
  role: 'tool';
  tool_call_id: string;
  name: string;
  text: string;
  is_error: boolean;
}

export type Message = UserMessage | AssistantMessage | ToolMessage;
