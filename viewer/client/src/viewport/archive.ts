/**
 * The DICOMweb requests of the viewer: studies, seen through one root.
 *
 * Standard: PS3.18 10.6 (QIDO-RS series), 10.4 (WADO-RS metadata, frames, thumbnail, instance).
 * The session cookie goes along by itself; the root decides what may be seen, never this code.
 */
import { number, text, type DataSet } from './dicomjson';

export class ArchiveError extends Error {
  constructor(readonly status: number) {
    super(`The server answered ${status}.`);
  }
}

export interface Series {
  readonly study: string;
  readonly uid: string;
  readonly number: number | undefined;
  readonly name: string;
  readonly modality: string;
  readonly count: number;
  /** What stands above it: the name of a study that begins with it. */
  readonly heading?: string | undefined;
  /** Only its owner sees it. */
  readonly isHeld?: boolean;
}

/** Modalities that never hold a picture of their own: no thumbnail is asked for. */
const WITHOUT_PICTURE = new Set([
  'SR', 'KO', 'PR', 'RTSTRUCT', 'RTPLAN', 'RTRECORD', 'DOC', 'ECG', 'EPS', 'HD', 'REG', 'FID', 'RWV', 'PLAN', 'AU',
]);

export class Archive {
  readonly root: string;

  constructor(root: string) {
    this.root = new URL(root, location.href).href.replace(/\/$/, '');
  }

  async series(study: string): Promise<Series[]> {
    const url = `${this.root}/studies/${study}/series?includefield=0008103E&includefield=00201209`;
    const found = await this.json(url);
    const list = found.flatMap((entry) => {
      const uid = text(entry, '0020000E');
      return uid ? [describe(study, uid, entry)] : [];
    });
    return list.sort(
      (a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || (a.uid < b.uid ? -1 : 1),
    );
  }

  metadata(series: Series): Promise<DataSet[]> {
    return this.json(`${this.url(series)}/metadata`);
  }

  thumbnail(series: Series): string | undefined {
    if (WITHOUT_PICTURE.has(series.modality)) return undefined;
    return `${this.url(series)}/thumbnail`;
  }

  instance(series: Series, instance: string): string {
    return `${this.url(series)}/instances/${instance}`;
  }

  /** The value behind a BulkDataURI, which is absolute or relative to the series. */
  async bulk(uri: string, series: Series): Promise<Uint8Array> {
    const url = new URL(uri, `${this.url(series)}/`);
    return firstPart(await this.get(url.href, 'multipart/related; type="application/octet-stream"'));
  }

  /** The stored DICOM file, for objects that cannot be shown. */
  async file(url: string): Promise<Uint8Array> {
    return firstPart(await this.get(url, 'multipart/related; type="application/dicom"; transfer-syntax=*'));
  }

  private url(series: Series): string {
    return `${this.root}/studies/${series.study}/series/${series.uid}`;
  }

  private async json(url: string): Promise<DataSet[]> {
    const response = await this.get(url, 'application/dicom+json');
    return response.status === 204 ? [] : ((await response.json()) as DataSet[]);
  }

  private async get(url: string, accept: string): Promise<Response> {
    const response = await fetch(url, { headers: { Accept: accept }, credentials: 'same-origin' });
    if (!response.ok) throw new ArchiveError(response.status);
    return response;
  }
}

function describe(study: string, uid: string, entry: DataSet): Series {
  const modality = text(entry, '00080060') ?? '';
  return {
    study,
    uid,
    modality,
    number: number(entry, '00200011'),
    name: text(entry, '0008103E') ?? (modality || 'Series'),
    count: number(entry, '00201209') ?? 0,
  };
}

/** The body of a single part, or of the first part of multipart/related (RFC 2387). */
async function firstPart(response: Response): Promise<Uint8Array> {
  const body = new Uint8Array(await response.arrayBuffer());
  const type = response.headers.get('Content-Type') ?? '';
  if (!type.startsWith('multipart/')) return body;
  const start = find(body, '\r\n\r\n', 0) + 4;
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1] ?? '';
  const end = find(body, `\r\n--${boundary}`, start);
  return body.subarray(start, end < 0 ? body.length : end);
}

function find(bytes: Uint8Array, ascii: string, from: number): number {
  const wanted = [...ascii].map((character) => character.charCodeAt(0));
  for (let at = bytes.indexOf(wanted[0] ?? 0, from); at >= 0; at = bytes.indexOf(wanted[0] ?? 0, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
