import { mount } from 'svelte';
import App from './App.svelte';
import { prepare } from './state/start';

export function start(target: Element): void {
  prepare();
  mount(App, { target });
}
