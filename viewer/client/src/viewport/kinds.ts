/**
 * Which objects are no pictures, and what people call them.
 *
 * Standard: PS3.4 B.5 (storage SOP classes), PS3.5 A.4 (video transfer syntaxes).
 */
import { number, text, type DataSet } from './dicomjson';

/** Longest prefix first: the first that matches names the object. */
const KINDS: readonly (readonly [prefix: string, kind: string])[] = [
  ['1.2.840.10008.5.1.4.1.1.88.59', 'Key object selection'],
  ['1.2.840.10008.5.1.4.1.1.88.', 'Structured report'],
  ['1.2.840.10008.5.1.4.1.1.104.1', 'PDF document'],
  ['1.2.840.10008.5.1.4.1.1.104.', 'Document'],
  ['1.2.840.10008.5.1.4.1.1.11.', 'Presentation state'],
  ['1.2.840.10008.5.1.4.1.1.481.3', 'Radiotherapy structure set'],
  ['1.2.840.10008.5.1.4.1.1.481.5', 'Radiotherapy plan'],
  ['1.2.840.10008.5.1.4.1.1.481.8', 'Radiotherapy plan'],
  ['1.2.840.10008.5.1.4.1.1.66.4', 'Segmentation'],
  ['1.2.840.10008.5.1.4.1.1.66.5', 'Surface'],
  ['1.2.840.10008.5.1.4.1.1.66', 'Registration or raw data'],
  ['1.2.840.10008.5.1.4.1.1.67', 'Real world value mapping'],
  ['1.2.840.10008.5.1.4.1.1.9.', 'Waveform'],
  ['1.2.840.10008.5.1.4.1.1.30', 'Parametric map'],
  ['1.2.840.10008.5.1.4.1.1.77.1.1.1', 'Video'],
  ['1.2.840.10008.5.1.4.1.1.77.1.2.1', 'Video'],
  ['1.2.840.10008.5.1.4.1.1.77.1.4.1', 'Video'],
];

/** MPEG-2, MPEG-4 and HEVC: 1.2.840.10008.1.2.4.100 to .108. */
const VIDEO = /^1\.2\.840\.10008\.1\.2\.4\.10\d(\.1)?$/;

/** The name of an object without a picture to show; nothing for a picture. */
export function kindOf(dataSet: DataSet): string | undefined {
  const sopClass = text(dataSet, '00080016') ?? '';
  const syntax = text(dataSet, '00083002') ?? text(dataSet, '00020010') ?? '';
  if (VIDEO.test(syntax)) return 'Video';
  const known = KINDS.find(([prefix]) => matches(sopClass, prefix));
  if (known) return known[1];
  const rows = number(dataSet, '00280010') ?? 0;
  const columns = number(dataSet, '00280011') ?? 0;
  return rows > 0 && columns > 0 ? undefined : 'Object without a picture';
}

function matches(uid: string, prefix: string): boolean {
  return prefix.endsWith('.') ? uid.startsWith(prefix) : uid === prefix || uid.startsWith(`${prefix}.`);
}
