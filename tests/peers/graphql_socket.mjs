// The client of the package graphql-ws, and frames of our own checked with its validateMessage, against a server that is not theirs.
// Arguments: the ws URL, a bearer token, the name of a point. Prints one JSON line: {check: "ok" or what was wrong}.
import { CloseCode, createClient, GRAPHQL_TRANSPORT_WS_PROTOCOL, validateMessage } from "graphql-ws";
import WebSocket from "ws";

const [url, token, point] = process.argv.slice(2);
const INIT = { type: "connection_init", payload: { token } };
const LIVE = { query: "subscription($p: [String!]!) { live(points: $p, maxHz: 50) { seq points } }", variables: { p: [point] } };
const ME = { query: "{ me { user } }" };

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

/** A socket by hand: messages and the end can be awaited; every message must be one that the protocol knows. */
function open(protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL) {
  const socket = new WebSocket(url, protocol);
  const waiting = [];
  const come = [];
  const give = (event) => (waiting.length ? waiting.shift()(event) : come.push(event));
  socket.on("message", (data, binary) => {
    if (binary) give({ wrong: "a binary frame" });
    else {
      try {
        give({ message: validateMessage(JSON.parse(data.toString())) });
      } catch (error) {
        give({ wrong: `${error.message}: ${data}` });
      }
    }
  });
  socket.on("close", (code, reason) => give({ code, reason: reason.toString() }));
  socket.on("error", (error) => give({ wrong: error.message }));
  const next = async () => {
    const event = come.length ? come.shift() : await new Promise((done) => waiting.push(done));
    if (event.wrong) throw new Error(event.wrong);
    return event;
  };
  return {
    socket,
    next,
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    opened: () => new Promise((done, failed) => socket.once("open", done).once("error", failed)),
    async of(type) {
      const event = await next();
      expect(event.message?.type === type, `expected ${type}, got ${JSON.stringify(event)}`);
      return event.message;
    },
    async closed(code) {
      for (;;) {
        const event = await next();
        if (event.message) continue;
        expect(event.code === code, `expected close code ${code}, got ${event.code} ${event.reason}`);
        return event;
      }
    },
  };
}

async function acknowledged() {
  const s = open();
  await s.opened();
  s.send(INIT);
  await s.of("connection_ack");
  return s;
}

async function closesWith(code, ...messages) {
  const s = open();
  await s.opened();
  for (const m of messages) s.send(m);
  await s.closed(code);
}

async function afterAck(code, ...messages) {
  const s = await acknowledged();
  for (const m of messages) s.send(m);
  await s.closed(code);
}

const checks = {
  "the sub-protocol is agreed on": async () => {
    const s = open();
    await s.opened();
    expect(s.socket.protocol === GRAPHQL_TRANSPORT_WS_PROTOCOL, s.socket.protocol);
    s.socket.close();
  },
  "another sub-protocol is not agreed to": async () => {
    const s = open("graphql-ws");
    const why = await s.next().then((event) => String(event.code), (error) => error.message);
    expect(why === "Server sent no subprotocol" || why === String(CloseCode.SubprotocolNotAcceptable), why);
  },
  "ping is answered before the acknowledgement": async () => {
    const s = open();
    await s.opened();
    s.send({ type: "ping", payload: { x: 1 } });
    await s.of("pong");
    s.socket.close();
  },
  "pong is taken at any time": async () => {
    const s = open();
    await s.opened();
    s.send({ type: "pong" });
    s.send(INIT);
    await s.of("connection_ack");
    s.socket.close();
  },
  "subscribing before the acknowledgement ends with 4401": () => closesWith(CloseCode.Unauthorized, { id: "1", type: "subscribe", payload: ME }),
  "a token that is unknown ends with 4403": () => closesWith(CloseCode.Forbidden, { type: "connection_init", payload: { token: "no" } }),
  "no token ends with 4403": () => closesWith(CloseCode.Forbidden, { type: "connection_init" }),
  "a second connection_init ends with 4429": () => afterAck(CloseCode.TooManyInitialisationRequests, INIT),
  "no JSON ends with 4400": () => afterAck(CloseCode.BadRequest, "}{"),
  "a JSON array ends with 4400": () => afterAck(CloseCode.BadRequest, "[]"),
  "a number ends with 4400": () => afterAck(CloseCode.BadRequest, "1"),
  "an unknown type ends with 4400": () => afterAck(CloseCode.BadRequest, { type: "shout" }),
  "a message without a type ends with 4400": () => afterAck(CloseCode.BadRequest, {}),
  "subscribe without an id ends with 4400": () => afterAck(CloseCode.BadRequest, { type: "subscribe", payload: ME }),
  "subscribe with an empty id ends with 4400": () => afterAck(CloseCode.BadRequest, { id: "", type: "subscribe", payload: ME }),
  "subscribe without a payload ends with 4400": () => afterAck(CloseCode.BadRequest, { id: "1", type: "subscribe" }),
  "subscribe with a text as payload ends with 4400": () => afterAck(CloseCode.BadRequest, { id: "1", type: "subscribe", payload: "x" }),
  "subscribe without a query ends with 4400": () => afterAck(CloseCode.BadRequest, { id: "1", type: "subscribe", payload: {} }),
  "an id in use ends with 4409": () =>
    afterAck(CloseCode.SubscriberAlreadyExists, { id: "1", type: "subscribe", payload: LIVE }, { id: "1", type: "subscribe", payload: LIVE }),
  "an id is free again after complete": async () => {
    const s = await acknowledged();
    for (let i = 0; i < 3; i++) {
      s.send({ id: "1", type: "subscribe", payload: LIVE });
      const next = await s.of("next");
      expect(next.payload.data.live.seq === 0, JSON.stringify(next));
      s.send({ id: "1", type: "complete" });
    }
    s.send({ type: "ping" });
    await s.of("pong");
    s.socket.close();
  },
  "a query goes over the socket: next, then complete": async () => {
    const s = await acknowledged();
    s.send({ id: "q", type: "subscribe", payload: ME });
    const next = await s.of("next");
    expect(next.id === "q" && next.payload.data.me.user === "viewer", JSON.stringify(next));
    const end = await s.of("complete");
    expect(end.id === "q", JSON.stringify(end));
    s.socket.close();
  },
  "a document that is not valid is an error of its own operation": async () => {
    const s = await acknowledged();
    s.send({ id: "bad", type: "subscribe", payload: { query: "{ nothing }" } });
    const error = await s.of("error");
    expect(error.id === "bad" && error.payload[0].extensions.code === "GRAPHQL_VALIDATION_FAILED", JSON.stringify(error));
    s.send({ id: "good", type: "subscribe", payload: ME });
    await s.of("next");
    s.socket.close();
  },
  "completing what does not run is ignored": async () => {
    const s = await acknowledged();
    s.send({ id: "none", type: "complete" });
    s.send({ type: "ping" });
    await s.of("pong");
    s.socket.close();
  },
  "the client follows live values and ends cleanly": async () => {
    const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { token }, retryAttempts: 0, keepAlive: 200 });
    const feed = client.iterate(LIVE);
    const first = await feed.next();
    expect(first.value.data.live.seq === 0, JSON.stringify(first));
    await feed.return();
    await client.dispose();
  },
  "the client makes twenty operations on one socket": async () => {
    const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { token }, retryAttempts: 0 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.iterate(ME).next()));
    expect(answers.every((a) => a.value.data.me.user === "viewer"), JSON.stringify(answers));
    await client.dispose();
  },
  "the client is told that it may not": async () => {
    const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { token: "no" }, retryAttempts: 0 });
    const event = await client.iterate(ME).next().then(() => null, (error) => error);
    expect(event?.code === CloseCode.Forbidden, String(event?.code));
  },
};

const found = {};
await Promise.all(
  Object.entries(checks).map(async ([name, check]) => {
    const late = new Promise((_, failed) => setTimeout(() => failed(new Error("nothing came within 10 s")), 10_000).unref());
    found[name] = await Promise.race([check(), late]).then(() => "ok", (error) => String(error?.message ?? error));
  }),
);
console.log(JSON.stringify(found));
process.exit(0);
