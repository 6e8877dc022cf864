/** What a telescope looks like from afar: the tables that say which points tell its state, and the letters of the glyph. */

/** The letter of a mount state in the glyph. */
const LETTERS: Record<string, string> = {
  TRACKING: 'T',
  SLEWING: 'S',
  STANDBY: 'I',
  IDLE: 'I',
  PARKED: 'P',
  MAINTENANCE: 'M',
  FAULT: 'F',
  OFF: 'O',
};

export const letter = (state: string | null): string => (state === null ? '?' : (LETTERS[state] ?? state.charAt(0)));

export interface Part {
  key: 'D' | 'C' | 'M' | 'P' | 'N';
  title: string;
  /** Assemblies, the second word of a point's name. */
  assemblies: readonly string[];
}

/** The five ticks of the glyph, always in this order. */
export const PARTS: readonly Part[] = [
  { key: 'D', title: 'Drive', assemblies: ['mount'] },
  { key: 'C', title: 'Camera', assemblies: ['camera'] },
  { key: 'M', title: 'Mirror', assemblies: ['mirror', 'structure'] },
  { key: 'P', title: 'Power', assemblies: ['power'] },
  { key: 'N', title: 'Network', assemblies: ['network'] },
];

/** Points of a telescope that the Array page watches, after its name. */
export const POINTING = { azimuth: 'mount.azimuth', elevation: 'mount.elevation', state: 'mount.state' } as const;

export interface Column {
  title: string;
  /** The point, after the telescope's name; or the points whose greatest value is shown. */
  point: string;
  greatestOf?: readonly string[];
  /** Written under the title where it says more than the point's unit. */
  unit: string;
  digits: number;
  /** The difference below which telescopes are equal. */
  floor: number;
}

const PDMS = Array.from({ length: 37 }, (_, i) => `camera.pdm${String(i + 1).padStart(2, '0')}.temperature`);

/** The matrix of nine telescopes. */
export const COLUMNS: readonly Column[] = [
  { title: 'Azimuth', point: 'mount.azimuth', unit: '°', digits: 2, floor: 0.05 },
  { title: 'Elevation', point: 'mount.elevation', unit: '°', digits: 2, floor: 0.05 },
  { title: 'Foll. err', point: 'mount.following_error', unit: '″', digits: 1, floor: 0.8 },
  { title: 'Az motor', point: 'mount.azimuth_motor_current', unit: 'A', digits: 1, floor: 0.25 },
  { title: 'Mirror rms', point: 'mirror.deviation_rms', unit: 'µm', digits: 1, floor: 1 },
  { title: 'Coolant', point: 'camera.coolant_temperature', unit: '°C', digits: 1, floor: 0.2 },
  { title: 'PDM max', point: 'camera.pdm01.temperature', greatestOf: PDMS, unit: '°C, of 37', digits: 2, floor: 0.3 },
  { title: 'Camera HV', point: 'camera.high_voltage', unit: 'V', digits: 1, floor: 0.3 },
  { title: 'Trigger', point: 'camera.trigger_rate', unit: 'Hz', digits: 0, floor: 6 },
  { title: 'Pixels off', point: 'camera.pixels_off', unit: 'count', digits: 0, floor: 2 },
  { title: 'Event data', point: 'camera.event_rate', unit: 'MB/s', digits: 1, floor: 1 },
  { title: 'Clock', point: 'network.clock_offset', unit: 'ns', digits: 1, floor: 0.5 },
  { title: 'Power', point: 'power.load', unit: 'kW', digits: 1, floor: 0.3 },
];

/** Every further point that feeds the ticks of the glyph. */
export const TICK_POINTS: readonly string[] = [
  'mount.elevation_motor_current',
  'mount.brake',
  'camera.state',
  'camera.lid',
  'power.state',
  'power.ups_autonomy',
  'network.link',
  'network.latency',
];

export interface Row {
  title: string;
  point: string;
  digits?: number;
}

export const WEATHER: readonly Row[] = [
  { title: 'Wind', point: 'weather.wind_speed' },
  { title: 'Gust', point: 'weather.wind_gust' },
  { title: 'Humidity', point: 'weather.humidity' },
  { title: 'Rain', point: 'weather.rain' },
  { title: 'Dust, PM10', point: 'weather.dust' },
  { title: 'Sky temp', point: 'weather.sky_temperature' },
  { title: 'Air temp', point: 'weather.air_temperature' },
  { title: 'Pressure', point: 'weather.pressure' },
];

export const POWER: readonly Row[] = [
  { title: 'Mains L1', point: 'power.mains_l1', digits: 0 },
  { title: 'Array load', point: 'power.load' },
  { title: 'UPS load', point: 'power.ups_load', digits: 0 },
  { title: 'UPS autonomy', point: 'power.ups_autonomy' },
  { title: 'Generator fuel', point: 'power.generator_fuel', digits: 0 },
];

export const SITE_WORDS = {
  state: 'array.state',
  trigger: 'array.trigger_rate',
  windDirection: 'weather.wind_direction',
  transfer: 'power.transfer_switch',
  generator: 'power.generator_state',
} as const;

/** Everything of one telescope that the Array page watches, after its name. */
export const SCOPE_POINTS: readonly string[] = [
  ...new Set([...Object.values(POINTING), ...COLUMNS.flatMap((c) => [c.point, ...(c.greatestOf ?? [])]), ...TICK_POINTS]),
];

/** Everything of the site that the Array page watches, after its name; feeders by number. */
export const sitePoints = (feeders: number): string[] => [
  ...[...WEATHER, ...POWER].map((r) => r.point),
  ...Array.from({ length: feeders }, (_, i) => `power.feeder${(i + 1).toString()}`),
  ...Object.values(SITE_WORDS),
];

/** What the Array page watches, as groups: the same for every telescope, and known before the telescopes are. */
export const ARRAY_GROUPS: readonly string[] = [...new Set([...SCOPE_POINTS, ...sitePoints(9)])];

export interface Lane {
  part: Part['key'];
  /** States written under the title. */
  states: readonly string[];
  rows: readonly Row[];
  /** Many equal points on one scale, below the rows. */
  strip?: { title: string; points: readonly string[] };
  trend: string;
}

const ACTUATORS = Array.from({ length: 18 }, (_, i) => `mirror.m1.act${String(i + 1).padStart(2, '0')}.deviation`);

/** The five lanes of a telescope page. */
export const LANES: readonly Lane[] = [
  {
    part: 'D',
    states: ['mount.state', 'mount.brake'],
    trend: 'mount.following_error',
    rows: [
      { title: 'Az motor', point: 'mount.azimuth_motor_current' },
      { title: 'El motor', point: 'mount.elevation_motor_current' },
      { title: 'Following err', point: 'mount.following_error' },
    ],
  },
  {
    part: 'C',
    states: ['camera.state', 'camera.lid'],
    trend: 'camera.trigger_rate',
    rows: [
      { title: 'Coolant', point: 'camera.coolant_temperature' },
      { title: 'High voltage', point: 'camera.high_voltage' },
    ],
    strip: { title: 'PDM temp', points: PDMS },
  },
  {
    part: 'M',
    states: [],
    trend: 'mirror.deviation_rms',
    rows: [
      { title: 'Deviation rms', point: 'mirror.deviation_rms' },
      { title: 'M1 temp', point: 'mirror.m1.temperature' },
    ],
    strip: { title: 'M1 actuators', points: ACTUATORS },
  },
  {
    part: 'P',
    states: ['power.state'],
    trend: 'power.load',
    rows: [
      { title: 'Load', point: 'power.load' },
      { title: 'UPS charge', point: 'power.ups_charge' },
      { title: 'UPS autonomy', point: 'power.ups_autonomy' },
    ],
  },
  {
    part: 'N',
    states: ['network.link'],
    trend: 'network.clock_offset',
    rows: [
      { title: 'Latency', point: 'network.latency' },
      { title: 'Clock offset', point: 'network.clock_offset' },
      { title: 'Traffic', point: 'network.traffic' },
    ],
  },
];
