// The audits of GraphQL over HTTP that the package graphql-http brings, against a server that is not theirs.
// Arguments: the URL and a bearer token. Prints one JSON line: [{id, name, status, reason}].
import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${token}`);
  return fetch(input, { ...init, headers });
};
const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
