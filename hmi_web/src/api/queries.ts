/** Every document the HMI sends. tests/queries.test.ts validates them against hmi_backend/schema.graphql. */

export { FIRST } from './first';

const POINT = `fragment P on Point {
  name unit description kind asset device address group sampling deadband archiveClass
  limits { lolo lo hi hihi } range { low high } labels { value label }
}`;
const LIVE = `fragment L on LiveBatch { seq serverTime points columns dropped }`;
const BLOCK = `fragment B on SeriesBlock { point unit kind method columns complete nextCursor gaps { start end cause count detail } }`;
const SERVICE = `fragment S on ServiceStatus {
  name system state lastError rateIn rateOut
  instances { instance service system host pid state started silent lastError revision cpu rss gauges { name value } }
}`;
const REVISION = `fragment R on Revision { number base time author comment paths }`;
const PUBLISHED = `__typename
  ... on CdbPublished { revision { ...R } }
  ... on CdbRefused { problems { path line text remedy } }
  ... on CdbConflict { message base newest }`;
const PIPELINE = `fragment F on Pipeline {
  time revision
  hops { name source in out lost { cause count } lostTotal inside rateIn rateOut last age lag }
  systems { ...S } services { ...S }
  topics { name records bytes firstTime lastTime lag { group records } }
}
${SERVICE}`;

export const ME = `query Me { me { user role expires } }`;

export const OBSERVATORY = `query Observatory {
  site { name title latitude longitude height skyShift }
  assets { name title type parent position { east north } points }
  revision { revision newest points }
}`;

export const SOURCES = `query Sources {
  sources { name protocol url asset enabled points connected since detail }
  stateEvents(first: 3) { nodes { source time kind detail } }
}`;

export const POINTS_BY_NAME = `query PointsByName($names: [String!]!) {
  pointTable(names: $names) { revision serverTime points definitions columns }
}`;

export const FIND = `query Find($search: String!) {
  points(filter: { search: $search }, first: 12) { nodes { name unit description kind } totalCount }
}`;

export const BY_GROUP = `query ByGroup($group: String!) { points(filter: { group: $group }, first: 64) { nodes { ...P } } }
${POINT}`;

export const BY_ASSET = `query ByAsset($asset: String!, $after: String) {
  points(filter: { asset: $asset }, first: 500, after: $after) { nodes { ...P } pageInfo { hasNextPage endCursor } }
}
${POINT}`;

export const LIVE_VALUES = `subscription Live($points: [String!]!, $maxHz: Float!) { live(points: $points, mode: LATEST, maxHz: $maxHz) { ...L } }
${LIVE}`;

export const VALUES_AT = `query ValuesAt($points: [String!]!, $at: Time!) { valuesAt(points: $points, at: $at) { ...L } }
${LIVE}`;

/** Whether anything is missing at a moment: gaps alone, no samples. */
export const GAPS_AT = `query GapsAt($points: [String!]!, $from: Time!, $to: Time!) {
  series(points: $points, from: $from, to: $to, resample: { method: LAST, buckets: 1 }) { point gaps { start end cause count detail } }
}`;

export const SERIES = `query Series($points: [String!]!, $from: Time!, $to: Time!, $resample: Resample, $limit: Int! = 100000) {
  series(points: $points, from: $from, to: $to, resample: $resample, limit: $limit) { ...B }
}
${BLOCK}`;

/** Extremes at their own times, the mean of each bucket and the values in force at the beginning, in one request. */
export const BAND = `query Band($points: [String!]!, $from: Time!, $to: Time!, $buckets: Int!) {
  extremes: series(points: $points, from: $from, to: $to, resample: { method: MINMAX, buckets: $buckets }) { ...B }
  mean: series(points: $points, from: $from, to: $to, resample: { method: MEAN, buckets: $buckets }) { ...B }
  before: valuesAt(points: $points, at: $from) { points columns }
}
${BLOCK}`;

export const PIPELINE_STATUS = `subscription PipelineStatus { pipelineStatus { ...F } }
${PIPELINE}`;

export const ARCHIVE = `query Archive {
  archive { samples bytes bytesPerSample openSamples oldest newest diskFree daysLeft classes { name chunk retention samples bytes } }
}`;

export const STATE_EVENTS = `query StateEvents($source: String, $first: Int!) {
  stateEvents(source: $source, first: $first) { nodes { source time kind cause points start end count detail } }
}`;

export const CONTROL = `mutation Control($target: String!, $verb: CommandVerb!, $reason: String!) {
  control(target: $target, verb: $verb, reason: $reason) { outcome detail }
}`;

export const DOCUMENTS = `query Documents($revision: Int) { cdbDocuments(revision: $revision) { path size lines } }`;

export const DOCUMENT = `query Document($path: String!, $revision: Int) { cdb(path: $path, revision: $revision) { path revision text } }`;

export const REVISIONS = `query Revisions($first: Int!) { cdbRevisions(first: $first) { nodes { ...R } } }
${REVISION}`;

export const DIFF = `query Diff($a: Int!, $b: Int!) { cdbDiff(a: $a, b: $b) { path kind before after added removed } }`;

export const PUBLISH = `mutation Publish($changes: [CdbEdit!]!, $base: Int!, $comment: String!) {
  cdbPublish(changes: $changes, base: $base, comment: $comment) { ${PUBLISHED} }
}
${REVISION}`;

export const ROLLBACK = `mutation Rollback($to: Int!, $comment: String!) {
  cdbRollback(to: $to, comment: $comment) { ${PUBLISHED} }
}
${REVISION}`;

export const REVISION_CHANGES = `subscription RevisionChanges { revisionChanges { revision newest points } }`;

export const GROUPS = `query Groups($search: String) { groups(search: $search, members: 2) { group description unit kind members } }`;

export const FLEET = `query Fleet($group: String!, $from: Time!, $to: Time!) {
  fleetStats(group: $group, from: $from, to: $to) {
    group unit count min max mean median std mad
    members { point asset title time value label quality count min max mean std z odd }
  }
}`;

export const LIMITS_HISTORY = `query LimitsHistory($points: [String!]!, $from: Time!, $to: Time!) {
  limitsHistory(points: $points, from: $from, to: $to) {
    point steps { revision since until author comment limits { lolo lo hi hihi } }
  }
}`;

export const ANNOTATIONS = `query Annotations($from: Time!, $to: Time!) {
  annotations(from: $from, to: $to, first: 300) { complete nodes { id kind time end title detail user asset revision ok } }
}`;

export const POINT_MORE = `query PointMore($name: String!) {
  point(name: $name) {
    whoUsesMe { derivedFrom uses { kind name detail id } sameGroup }
    latency { time age skew hops { hop seconds basis } }
  }
}`;

const VIEW = `fragment V on View { id name kind owner shared mine version updated updatedBy }`;

export const VIEWS = `query Views { views(kind: "trends", first: 100) { nodes { ...V } totalCount } }
${VIEW}`;

export const VIEW_AT = `query ViewAt($id: ID!, $version: Int) {
  view(id: $id, version: $version) { ...V content versions { version time user name shared } }
}
${VIEW}`;

export const SAVE_VIEW = `mutation SaveView($view: ViewInput!) {
  saveView(view: $view) {
    __typename
    ... on ViewSaved { view { ...V } }
    ... on ViewRefused { message }
    ... on ViewConflict { message newest { ...V } }
  }
}
${VIEW}`;

export const DELETE_VIEW = `mutation DeleteView($id: ID!) { deleteView(id: $id) { ok detail } }`;

export const BUDGET = `query Budget { me { role seriesBudget } }`;
