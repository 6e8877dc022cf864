/** Queries to begin with: each is a whole document that runs on any array. The words in braces are filled with what this array has. */

export interface Example {
  title: string;
  says: string;
  query: string;
}

export function examples(site: string, telescope: string): Example[] {
  return [
    {
      title: 'Newest values',
      says: 'the newest sample of some points, as columns',
      query: `{
  lastValues(points: ["${site}.weather.wind_speed", "${telescope}.mount.azimuth"]) {
    serverTime points columns
  }
}`,
    },
    {
      title: 'A trend',
      says: 'extremes per bucket: no spike is ever lost',
      query: `{
  series(
    points: ["${site}.weather.wind_gust"], from: "now-1d", to: "now",
    resample: { method: MINMAX, buckets: 500 }
  ) {
    point unit method columns complete
    gaps { start end cause detail }
  }
}`,
    },
    {
      title: 'Find points',
      says: 'three letters of each word are enough',
      query: `{
  points(filter: { search: "${telescope} tem" }, first: 10) {
    totalCount
    nodes { name unit description value quality time limits { lo hi } }
  }
}`,
    },
    {
      title: 'Compare telescopes',
      says: 'statistics of nine equals and the odd one out',
      query: `{
  fleetStats(group: "mount.following_error", from: "now-1h", to: "now") {
    unit median mad
    members { title mean std z odd }
  }
}`,
    },
    {
      title: 'Limits as they were',
      says: 'one step per revision that changed them',
      query: `{
  limitsHistory(points: ["${telescope}.camera.pdm07.temperature"], from: "now-30d", to: "now") {
    point
    steps { revision since until author limits { lolo lo hi hihi } }
  }
}`,
    },
    {
      title: 'What happened',
      says: 'marks for a time axis: revisions, connections, losses, actions',
      query: `{
  annotations(from: "now-6h", to: "now", first: 50) {
    complete
    nodes { time kind title asset user }
  }
}`,
    },
    {
      title: 'Who uses a point',
      says: 'views, statistics and its way here, hop by hop',
      query: `{
  point(name: "${telescope}.mount.azimuth") {
    whoUsesMe { uses { kind name } sameGroup }
    latency { age skew hops { hop seconds basis } }
  }
}`,
    },
    {
      title: 'The pipeline',
      says: 'every hop: in, out, and what became of the rest',
      query: `{
  pipeline {
    hops { name source in out lostTotal lost { cause count } rateIn lag }
  }
}`,
    },
    {
      title: 'Sources',
      says: 'connections, since when, and why not',
      query: `{
  sources { name protocol url connected since detail points }
}`,
    },
  ];
}
