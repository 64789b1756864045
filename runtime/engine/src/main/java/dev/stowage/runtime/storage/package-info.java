/**
 * Files that are read past the page cache: a {@link dev.stowage.runtime.storage.StoredFile} and a
 * place in memory make a list of {@link dev.stowage.runtime.storage.Chunk}s, the requests a lane
 * repeats.
 */
package dev.stowage.runtime.storage;
