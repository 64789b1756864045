/**
 * Turns a compiled plan into text, for programs: {@link dev.stowage.api.Stowage#load} opens a
 * {@code .stowplan} from a file or the class path, {@link dev.stowage.api.Session} continues and
 * scores texts with it. Neither compiler nor solver is needed.
 */
package dev.stowage.api;
