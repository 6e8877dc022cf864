import { existsSync, readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import * as queries from '../src/api/queries';

const SDL = new URL('../../hmi_backend/schema.graphql', import.meta.url);

describe('documents', () => {
  it('have the published SDL to be checked against', () => {
    expect(existsSync(SDL)).toBe(true);
  });
  const schema = buildSchema(readFileSync(SDL, 'utf8'));
  it.each(Object.entries(queries))('%s is valid', (_, text) => {
    expect(validate(schema, parse(text)).map((e) => e.message)).toEqual([]);
  });
});
