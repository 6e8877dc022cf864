/** Who is logged in. The cookie is the session; this only knows what the API says of it. */

import { ApiError, gql, login, logout, whenUnauthenticated } from '../api/http';
import { ME } from '../api/queries';
import type { Me, Role } from '../api/types';

const RANK: readonly Role[] = ['VIEWER', 'OPERATOR', 'ENGINEER', 'ADMIN'];

class Session {
  /** undefined: not asked yet; null: nobody. */
  me = $state.raw<Me | null | undefined>(undefined);
  /** Why the last attempt failed. */
  problem = $state('');

  /** How to find out who is logged in; whoever asks for more at the same time puts its own way here. */
  asking: () => Promise<Me> = async () => (await gql<{ me: Me }>(ME)).me;

  constructor() {
    whenUnauthenticated(() => {
      this.me = null;
    });
  }

  async ask(): Promise<void> {
    try {
      this.me = await this.asking();
      this.problem = '';
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.me = null;
      this.problem = error.code === 'UNAUTHENTICATED' ? '' : error.message;
    }
  }

  async enter(user: string, password: string): Promise<void> {
    try {
      await login(user, password);
      await this.ask();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = error.message;
    }
  }

  async leave(): Promise<void> {
    await logout();
    location.reload();
  }

  /** Whether the role may do what `role` may. */
  may(role: Role): boolean {
    return this.me ? RANK.indexOf(this.me.role) >= RANK.indexOf(role) : false;
  }
}

export const session = new Session();
