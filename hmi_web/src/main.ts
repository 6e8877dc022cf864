// Small, so that the first question is on its way while the application is still being read.
import { askAhead, question } from './api/first';
import './styles/tokens.css';
import './styles/base.css';

askAhead(question(location.hash));
void import('./application').then(({ start }) => {
  const target = document.getElementById('app');
  if (target) start(target);
});
