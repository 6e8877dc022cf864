/** Just enough of YAML to read a document with ease: which part of a line is key, text, comment. It judges nothing. */

export interface Piece {
  kind: 'key' | 'plain' | 'comment';
  text: string;
}

export function pieces(line: string): Piece[] {
  const out: Piece[] = [];
  const cut = commentAt(line);
  let body = cut < 0 ? line : line.slice(0, cut);
  const key = /^(\s*(?:- )?(?:"[^"]*"|'[^']*'|[^\s:#"'{[][^:#]*?))(:)(?=\s|$)/.exec(body);
  if (key) {
    out.push({ kind: 'key', text: `${key[1] ?? ''}:` });
    body = body.slice((key[1] ?? '').length + 1);
  }
  if (body) out.push({ kind: 'plain', text: body });
  if (cut >= 0) out.push({ kind: 'comment', text: line.slice(cut) });
  return out;
}

function commentAt(line: string): number {
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line[i] ?? '';
    if (quote) quote = c === quote ? '' : quote;
    else if (c === '"' || c === "'") quote = c;
    else if (c === '#' && (i === 0 || /\s/.test(line[i - 1] ?? ''))) return i;
  }
  return -1;
}
