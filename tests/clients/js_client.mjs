// Calls methods of npm's dicomweb-client, one after the other. Reads {root, token, calls: [[method,
// options], ...]} and writes the results; bytes go in as {file: path} and come out as {base64: text}.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import dicomweb from 'dicomweb-client';
import XMLHttpRequest from 'xhr2';

globalThis.XMLHttpRequest = XMLHttpRequest;
// The client talks; standard output is for the results.
console.log = console.info = console.debug = console.error;

const bytesOf = async ({ file }) => new Uint8Array(await readFile(file)).buffer;

function plain(result) {
  if (result instanceof ArrayBuffer) return { base64: Buffer.from(result).toString('base64') };
  if (Array.isArray(result)) return result.map(plain);
  return typeof result === 'string' ? JSON.parse(result) : result;
}

const { root, token, calls } = JSON.parse(await text(process.stdin));
const client = new dicomweb.api.DICOMwebClient({
  url: root,
  headers: { Authorization: `Bearer ${token}` },
});

const results = [];
for (const [method, options] of calls) {
  if (options.datasets) options.datasets = await Promise.all(options.datasets.map(bytesOf));
  try {
    results.push({ result: plain(await client[method](options)) });
  } catch (error) {
    results.push({ error: String(error.message), status: error.status ?? null });
  }
}
process.stdout.write(JSON.stringify(results));
