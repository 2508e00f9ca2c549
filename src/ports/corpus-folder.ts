/**
 * The operator's folder of texts. Guarantees of every engine: links are followed, and what was opened is what is judged, so
 * nothing outside of the folder is ever read, whatever is swapped for a link meanwhile.
 */

/** An open file of the folder. */
export interface FolderFile {
  /** Absolute, without links. */
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  /** What it holds, in pieces; once. */
  bytes(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface CorpusFolder {
  /** The folder as it was named. */
  readonly named: string;
  /** Is there a directory? */
  exists(): Promise<boolean>;
  /**
   * The file of a path, relative or absolute; undefined for what is no readable file. OUTSIDE for what lands outside of the
   * folder, also where nothing is there.
   */
  open(path: string): Promise<FolderFile | undefined | 'OUTSIDE'>;
  /**
   * Absolute paths of all files below, links resolved, each once, in no order: without names that begin with a dot and
   * without folders of the names that are left out. Links that leave the folder are passed over.
   */
  list(leftOut: ReadonlySet<string>): AsyncIterable<string>;
}
