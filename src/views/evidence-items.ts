import type { Event } from '../core/fact';
import { duration, plural } from './format';
import type { ItemList } from './item-list';

/** What the service found out about a variation's work, besides its checks. */
type Found = Extract<
  Event,
  {
    type:
      | 'setup.started'
      | 'setup.finished'
      | 'network.denied'
      | 'patch.flagged'
      | 'goal.assessed'
      | 'judge.answered';
  }
>;

export function evidence(list: ItemList, event: Found): void {
  switch (event.type) {
    case 'setup.started':
      list.line(event, 'box', 'Set-up', event.payload.command);
      return;
    case 'setup.finished': {
      const { cached, exit_code, duration_ms } = event.payload;
      const took = duration(duration_ms / 1000);
      if (cached) list.line(event, 'box', 'Set-up', `was there already; put in place in ${took}`);
      else if (exit_code === 0) list.line(event, 'box', 'Set-up done', `in ${took}`);
      else notice(list, event, 'bad', 'Set-up failed', `exit ${exit_code ?? 'by a signal'}, after ${took}`);
      return;
    }
    case 'network.denied':
      notice(
        list,
        event,
        'warn',
        event.payload.on === 'base' ? 'Network denied on the base' : 'Network denied',
        `${event.payload.host}:${event.payload.port}. ${event.payload.reason}`,
      );
      return;
    case 'patch.flagged': {
      const { files } = event.payload;
      const named = files.slice(0, 5).map((file) => `${file.path} (${file.change})`);
      const rest =
        files.length > named.length ? ` and ${plural(files.length - named.length, 'more file')}` : '';
      notice(
        list,
        event,
        'warn',
        'The patch touches what judges it',
        `${named.join(', ')}${rest}; the base’s own version is run as well`,
      );
      return;
    }
    case 'judge.answered': {
      const { agent, failure } = event.payload;
      const why = failure?.message ?? 'what was answered cannot be read';
      notice(list, event, 'warn', 'The goal could not be assessed', `${why} (${agent})`);
      return;
    }
    case 'goal.assessed': {
      const { met, agent, reason, missing } = event.payload;
      const wanting = missing.length > 0 ? ` Missing: ${missing.join('; ')}` : '';
      list.line(
        event,
        'think',
        met ? 'Opinion: the goal is met' : 'Opinion: the goal is not met',
        `${reason}${wanting} (${agent}; no check was run)`,
      );
      return;
    }
  }
}

function notice(list: ItemList, event: Found, level: 'warn' | 'bad', strong: string, rest: string): void {
  list.put({ ...list.place(event), kind: 'notice', level, strong, rest });
}
