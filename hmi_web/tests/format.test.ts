import { describe, expect, it } from 'vitest';
import { apart, bytes, compact, digitsOf, fine, number, score, signed, unit, value, words } from '../src/lib/format';

describe('number', () => {
  it.each([
    [21.62, 2, '21.62'],
    [-38.6, 1, '−38.6'],
    [-0.04, 1, '0.0'],
    [1_204_318, 0, '1 204 318'],
    [Number.NaN, 1, 'NaN'],
    [Number.POSITIVE_INFINITY, 1, '∞'],
    [Number.NEGATIVE_INFINITY, 1, '−∞'],
    [3.2e12, 1, '3.20e12'],
    [1.5e-7, 2, '1.50e−7'],
    [0, 1, '0.0'],
  ])('%d with %d digits reads %s', (x, digits, text) => {
    expect(number(x, digits)).toBe(text);
  });
});

it.each([
  [-1.8 / 3600, '−1.8 ″'],
  [-176.4 / 3600, '−176 ″'],
  [0.5, '0.50 °'],
  [-179.96, '−180.0 °'],
  [0, '0.0 ″'],
])('directions %d° apart are told as %s', (degrees, text) => {
  expect(apart(degrees)).toBe(text);
});

it.each([
  [4.62, '+4.6'],
  [-47.51, '−47.5'],
  [-120.4, '−120'],
  [99.96, '+100'],
  [1e6, '> 999'],
  [-1e6, '< −999'],
  [0, '0.0'],
])('a score of %d reads %s', (z, text) => {
  expect(score(z, signed)).toBe(text);
});

it.each([
  [200, 0],
  [1, 0],
  [2.5, 1],
  [0.5, 1],
  [0.25, 2],
  [0.30000000000000004, 1],
  [0.002, 3],
  [1e-9, 6],
])('steps of %d are written with %d digits', (step, digits) => {
  expect(digitsOf(step)).toBe(digits);
});

describe('value', () => {
  const labels = [{ value: 3, label: 'TRACKING' }];
  it('names states and says when one is unknown', () => {
    expect(value(3, { kind: 'enum', labels })).toBe('TRACKING');
    expect(value(9, { kind: 'enum', labels })).toBe('state 9');
  });
  it('tells never received from zero', () => {
    expect(value(null, { kind: 'double' })).toBe('–');
    expect(value(0, { kind: 'double', unit: '°C' })).toBe('0.0');
  });
  it('has yes and no, counts without decimals, text as it is', () => {
    expect(value(1, { kind: 'bool' })).toBe('yes');
    expect(value(0, { kind: 'bool' })).toBe('no');
    expect(value(12.0, { kind: 'long', unit: 'V' })).toBe('12');
    expect(value('camera 4.2.5', { kind: 'text' })).toBe('camera 4.2.5');
  });
});

describe('small helpers', () => {
  it('shorten counts and sizes', () => {
    expect([compact(0), compact(950), compact(1410), compact(12_345), compact(2_900_000), compact(3.2)]).toEqual([
      '0',
      '950',
      '1 410',
      '12.3 k',
      '2.9 M',
      '3.2',
    ]);
    expect([bytes(12), bytes(4096), bytes(82_400_000_000)]).toEqual(['12 B', '4.1 kB', '82.4 GB']);
  });
  it('show every step of a deadband', () => {
    expect(fine('°C', 0.05)).toBe(2);
    expect(fine('°', 0.0005)).toBe(4);
    expect(fine('°C', 0)).toBe(1);
    expect(fine('V', 1)).toBe(1);
  });
  it('draw units and labels', () => {
    expect(unit('arcsec')).toBe('″');
    expect(words('TAKING_DATA')).toBe('Taking data');
  });
});
