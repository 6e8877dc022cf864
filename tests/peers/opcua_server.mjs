// An OPC-UA server that is not ours, for the collector's tests. One argument: its options as JSON. It prints one JSON line for each
// answer; commands come as JSON lines on stdin, and it ends when stdin closes, so that no test leaves it behind.
//
// options: port, doubles, rate (updates of all per second; 0: only on command), mixed (also longs, bools, texts and enums), folder (for
// certificates), secure, users {name: password}, itemsPerCall, subscriptions (most per session), keep (ids of variables that rate does not touch)
import { createInterface } from "node:readline";
import { join } from "node:path";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { OPCUAServer } = require("node-opcua-server");
const { Variant, DataType } = require("node-opcua-variant");
const { StatusCodes } = require("node-opcua-status-code");
const { SecurityPolicy, MessageSecurityMode } = require("node-opcua-secure-channel");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { standardUnits } = require("node-opcua-data-access");

const options = { port: 0, doubles: 10, rate: 1, mixed: false, secure: false, users: null, itemsPerCall: 0, ...JSON.parse(process.argv[2]) };
const say = (record) => process.stdout.write(JSON.stringify(record) + "\n");

const certificates = (name) =>
  new OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder: join(options.folder, name) });
const serverCertificateManager = certificates("pki");
const userCertificateManager = certificates("users");
await serverCertificateManager.initialize();
await userCertificateManager.initialize();

const server = new OPCUAServer({
  host: "127.0.0.1",
  port: options.port,
  hostname: "127.0.0.1",
  allowAnonymous: options.users === null,
  serverCertificateManager,
  userCertificateManager,
  securityPolicies: options.secure ? [SecurityPolicy.None, SecurityPolicy.Basic256Sha256] : [SecurityPolicy.None],
  securityModes: options.secure
    ? [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt]
    : [MessageSecurityMode.None],
  userManager: { isValidUser: (user, password) => options.users !== null && options.users[user] === password },
  serverCapabilities: {
    maxMonitoredItems: 1_000_000,
    maxMonitoredItemsPerSubscription: 100_000,
    maxMonitoredItemsQueueSize: 10_000,
    maxSessions: 50,
    ...(options.subscriptions ? { maxSubscriptionsPerSession: options.subscriptions } : {}),
    ...(options.itemsPerCall ? { operationLimits: { maxMonitoredItemsPerCall: options.itemsPerCall } } : {}),
  },
  isAuditing: false,
});
await server.initialize();

const space = server.engine.addressSpace;
const namespace = space.getOwnNamespace();
const root = namespace.addFolder(space.rootFolder.objects, { browseName: "Peer", nodeId: "s=Peer" });
const variables = new Map();
let updates = 0;

const folder = (name) => namespace.addFolder(root, { browseName: name, nodeId: `s=Peer.${name}` });
const keep = (name, type, variable, next) => variables.set(name, { type, variable, next });

function addDouble(parent, i) {
  const name = `d${String(i).padStart(5, "0")}`;
  const common = { componentOf: parent, browseName: name, nodeId: `s=${name}`, dataType: "Double", value: new Variant({ dataType: DataType.Double, value: i }) };
  const variable =
    i < 100
      ? namespace.addAnalogDataItem({ ...common, engineeringUnits: standardUnits.degree_celsius, engineeringUnitsRange: { low: -50, high: 150 } })
      : namespace.addVariable({ ...common, minimumSamplingInterval: 50 });
  keep(name, DataType.Double, variable, (n) => i + n + (n % 7) / 10);
}

const doubles = folder("Doubles");
for (let i = 0; i < options.doubles; i++) addDouble(doubles, i);
if (options.mixed) {
  const mixed = folder("Mixed");
  const add = (name, type, first, next) =>
    keep(name, type, namespace.addVariable({
      componentOf: mixed, browseName: name, nodeId: `s=${name}`, dataType: DataType[type], value: new Variant({ dataType: type, value: first }),
    }), next);
  for (let i = 0; i < 5; i++) {
    add(`i${i}`, DataType.Int32, i, (n) => 100 * i + n);
    add(`u${i}`, DataType.UInt16, i, (n) => n % 65536);
    add(`b${i}`, DataType.Boolean, false, (n) => n % 2 === 1);
    add(`s${i}`, DataType.String, "", (n) => `text ${i} nr ${n} µ`);
    add(`f${i}`, DataType.Float, 0, (n) => n / 2);
    const name = `e${i}`;
    const multi = namespace.addMultiStateDiscrete({
      componentOf: mixed, browseName: name, nodeId: `s=${name}`, enumStrings: ["OFF", "STANDBY", "SLEWING", "TRACKING"], value: 0,
    });
    keep(name, DataType.UInt32, multi, (n) => n % 4);
  }
  const array = namespace.addVariable({
    componentOf: mixed, browseName: "array", nodeId: "s=array", dataType: "Double", valueRank: 1,
    value: new Variant({ dataType: DataType.Double, arrayType: 1, value: new Float64Array([1, 2.5]) }),
  });
  variables.set("array", { type: null, variable: array, next: null });
}

const held = new Set(options.keep ?? []);
let turn = 0;
function update() {
  turn += 1;
  const now = new Date();
  for (const [name, { type, variable, next }] of variables) {
    if (next === null || held.has(name)) continue;
    variable.setValueFromSource({ dataType: type, value: next(turn) }, StatusCodes.Good, now);
    updates += 1;
  }
}

const commands = {
  set({ name, value, status, time }) {
    const { type, variable } = variables.get(name);
    const variant = value === null ? { dataType: DataType.Null } : { dataType: type, value };
    variable.setValueFromSource(variant, StatusCodes[status ?? "Good"], time === undefined ? new Date() : new Date(time));
  },
  update({ times }) {
    for (let i = 0; i < (times ?? 1); i++) update();
  },
  add({ index }) {
    addDouble(doubles, index);
  },
  async killSessions() {
    for (const session of Object.values(server.engine._sessions)) await server.engine.closeSession(session.authenticationToken, true, "Terminated");
  },
};

await server.start();
const timer = options.rate > 0 ? setInterval(update, 1000 / options.rate) : null;
say({ ready: server.endpoints[0].port, variables: variables.size });

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "stop") break;
  await commands[command.do]?.(command);
  say({ done: command.do, updates, turn, sessions: server.engine.currentSessionCount, subscriptions: server.engine.currentSubscriptionCount });
}
if (timer) clearInterval(timer);
await server.shutdown(0);
process.exit(0);
